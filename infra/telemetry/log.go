package telemetry

import (
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
)

// NewLog makes a logger that writes to w. level is debug, info, warn or
// error, anything else info; format is text, json or auto: text where w is a
// terminal.
func NewLog(w io.Writer, level, format string) *slog.Logger {
	lowest := slog.LevelInfo
	_ = lowest.UnmarshalText([]byte(level)) // what cannot be read leaves info
	options := &slog.HandlerOptions{Level: lowest, ReplaceAttr: redact}
	if format == "text" || format == "auto" && isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// Hidden stands where a secret would have been logged.
const Hidden = "***"

// secretWords are parts of attribute names whose values are never logged.
var secretWords = []string{"password", "secret", "token", "authorization", "cookie", "apikey", "otp", "ticket"}

// wordMarks are left out of names before words are looked for.
var wordMarks = strings.NewReplacer("-", "", "_", "")

// redact hides attributes that are named like a secret: the last net, not a
// licence to log one.
func redact(_ []string, a slog.Attr) slog.Attr {
	name := strings.ToLower(wordMarks.Replace(a.Key))
	for _, word := range secretWords {
		if strings.Contains(name, word) && a.Value.Kind() != slog.KindGroup {
			return slog.String(a.Key, Hidden)
		}
	}
	return a
}

package postgres

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxTexts bounds the statements whose translation is kept.
const maxTexts = 2048

// text is a statement as Postgres takes it.
type text struct {
	sql  string
	ddl  bool // it makes or changes a table, an index or the like
	asks int  // parameters
}

// dialect translates the common subset of SQL, each text once.
type dialect struct{ known *lru.Cache[string, text] }

func newDialect() dialect {
	known, _ := lru.New[string, text](maxTexts)
	return dialect{known}
}

func (d dialect) text(sql string) text {
	if t, ok := d.known.Get(sql); ok {
		return t
	}
	t := translate(sql)
	d.known.Add(sql, t)
	return t
}

// translate numbers the parameters, makes columns of text compare byte by byte,
// and leaves out that a table is WITHOUT ROWID: here no table is in the order of
// its key. It leaves alone what is quoted or a comment.
func translate(sql string) text {
	var t text
	var out strings.Builder
	var table bool      // what it makes is a table
	var words [3]string // the newest words and signs; the last one is the newest
	see := func(word string) { words[0], words[1], words[2] = words[1], words[2], strings.ToLower(word) }
	for i := 0; i < len(sql); {
		end := i + tokenLength(sql[i:])
		token := sql[i:end]
		i = end
		switch {
		case token == "?":
			t.asks++
			out.WriteString("$" + strconv.Itoa(t.asks))
			see(token)
			continue
		case isWord(token[0]):
			first := words[2] == ""
			see(token)
			t.ddl = t.ddl || first && (words[2] == "create" || words[2] == "alter")
			table = table || t.ddl && words[2] == "table" && words[1] != "" && words[0] == ""
			if table && words[1] == ")" && words[2] == "without" {
				t.sql = out.String()
				return t
			}
		case token[0] == '\'' || token[0] == '"' || strings.TrimSpace(token) != "" && !isComment(token):
			see(token)
		}
		out.WriteString(token)
		if table && words[2] == "text" && isWord(token[0]) && isColumn(words[0], words[1]) {
			out.WriteString(` COLLATE "C"`)
		}
	}
	t.sql = out.String()
	return t
}

// isColumn says whether name is that of a column that is being made: what
// stands before it says so.
func isColumn(before, name string) bool {
	switch before {
	case "(", ",", "column", "exists":
		return name != "" && (isWord(name[0]) || name[0] == '"')
	}
	return false
}

func isWord(c byte) bool {
	return c == '_' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isComment(token string) bool {
	return strings.HasPrefix(token, "--") || strings.HasPrefix(token, "/*")
}

// tokenLength is how long the word, quotation, comment or sign is with which
// sql begins.
func tokenLength(sql string) int {
	until := func(end string) int {
		if n := strings.Index(sql[1:], end); n >= 0 {
			return 1 + n + len(end)
		}
		return len(sql)
	}
	switch {
	case sql[0] == '\'' || sql[0] == '"':
		return until(sql[:1]) // a doubled quote is two quotations side by side
	case strings.HasPrefix(sql, "--"):
		return until("\n")
	case strings.HasPrefix(sql, "/*"):
		return until("*/")
	case isWord(sql[0]):
		n := 1
		for n < len(sql) && isWord(sql[n]) {
			n++
		}
		return n
	}
	return 1
}

// Formats of parameters.
const (
	asText   int16 = 0
	asBinary int16 = 1
)

// parameters writes arguments as Postgres takes them: as text, whose type is
// that of where it stands, as it is in SQLite; bytes as they are. nil formats
// are all text.
func parameters(args []any) (values [][]byte, formats []int16, err error) {
	if len(args) == 0 {
		return nil, nil, nil
	}
	values = make([][]byte, len(args))
	for i, a := range args {
		v, err := driver.DefaultParameterConverter.ConvertValue(a)
		if err != nil {
			return nil, nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		switch v := v.(type) {
		case nil:
		case string:
			values[i] = []byte(v)
		case int64:
			values[i] = strconv.AppendInt(nil, v, 10)
		case float64:
			values[i] = strconv.AppendFloat(nil, v, 'g', -1, 64)
		case bool: // 0 or 1, which is right for bigint and boolean
			values[i] = []byte{'0'}
			if v {
				values[i][0] = '1'
			}
		case []byte:
			if values[i] = v; v != nil {
				if formats == nil {
					formats = make([]int16, len(args))
				}
				formats[i] = asBinary
			}
		case time.Time:
			return nil, nil, fmt.Errorf("argument %d is a time: tables hold milliseconds", i+1)
		default:
			return nil, nil, fmt.Errorf("argument %d is %T", i+1, v)
		}
	}
	return values, formats, nil
}

// quoted is a name as it stands in SQL.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

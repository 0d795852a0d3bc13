package acceptance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
	"github.com/parleyhq/parley/commands"
)

// importing is a community into which dumps are imported: on one machine
// between two runs of its server, on a cluster while it runs.
type importing struct {
	t *testing.T
	s *harness.Server
}

// arguments are those of `parley import` of a file with these lines.
func (i importing) arguments(lines []string, more ...string) []string {
	i.t.Helper()
	file := filepath.Join(i.t.TempDir(), "dump.jsonl")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		i.t.Fatal(err)
	}
	args := append([]string{"import", file, "--as=first_admin"}, more...)
	if i.s.Cluster == nil {
		return append(args, "--data="+i.s.Data)
	}
	args, err := i.s.Cluster.Command(args...)
	if err != nil {
		i.t.Fatal(err)
	}
	return args
}

func (i importing) run(lines []string, more ...string) (status int, stdout, stderr string) {
	i.t.Helper()
	args := i.arguments(lines, more...)
	if i.s.Cluster == nil {
		i.s.Stop()
		defer i.s.Again(false)
	}
	return parley(i.t, args...)
}

// here is the id here of what the dump calls so.
func here(kind, name string) string { return commands.OriginID("import", kind, name).String() }

var imported = []string{
	`{"kind":"account","id":"1","at":"2019-03-01T09:00:00Z","handle":"ines_import","email":"ines.import@example.org","displayName":"Inês","bio":"plants"}`,
	`{"kind":"account","id":"2","at":"2019-03-02T09:00:00+02:00","handle":"kenji_import","email":"kenji.import@example.org","displayName":"健二"}`,
	`{"kind":"board","id":"g","at":"2019-03-03T09:00:00Z","name":"Greenhouse","description":"What grows","rules":"Be kind"}`,
	``,
	`{"kind":"post","id":"1","at":"2019-03-04T09:00:00.1239Z","author":"1","board":"g","title":"First leaves","body":"hello @kenji_import and @WATCHER #seedlings"}`,
	`{"kind":"post","id":"2","at":"2019-03-05T09:00:00Z","author":"2","board":"g","title":"はじめての温室","body":"トマトを植えました","type":"question"}`,
	`{"kind":"post","id":"3","at":"2019-03-06T09:00:00Z","author":"1","board":"g","title":"A secret","body":"nobody knows who","anonymous":true,"unknown":1}`,
	`{"kind":"comment","id":"1","at":"2019-03-04T10:00:00Z","author":"2","post":"1","body":"いいね"}`,
	`{"kind":"comment","id":"2","at":"2019-03-04T11:00:00Z","author":"1","post":"1","parent":"1","body":"thank you"}`,
	`{"kind":"reaction","at":"2019-03-04T10:01:00Z","author":"2","post":"1","reaction":"like"}`,
	`{"kind":"reaction","at":"2019-03-04T11:01:00Z","author":"2","comment":"2","reaction":"happy"}`,
}

// What was elsewhere is here with its own times, through search and lists and
// anonymous where it was; nobody is told of it; a second time changes nothing.
// Who had an account sets a password by mail and is in.
func TestImport(t *testing.T) {
	t.Parallel()
	i := importing{t, harness.Start(t)}
	i.s.Admin()
	watcher := i.s.NewPerson("watcher")
	lines := slices.Clone(imported)
	lines[0], lines[1] = "\uFEFF"+lines[0], lines[1]+"\r" // as some systems write files
	lines[4] = strings.ReplaceAll(lines[4], "WATCHER", watcher.Account.Handle)

	want := "account: 2 imported, 0 were there already, 0 refused\nboard: 1 imported, 0 were there already, 0 refused\npost: 3 imported, 0 were there already, 0 refused\n" +
		"comment: 2 imported, 0 were there already, 0 refused\nreaction: 2 imported, 0 were there already, 0 refused\nread 11 lines in "
	if status, stdout, stderr := i.run(lines); status != 0 || !strings.HasPrefix(stdout, want) {
		t.Fatalf("exit %d: %s%s", status, stdout, stderr)
	}
	i.s.Move(watcher)
	i.s.Eventually("what was imported", func() bool {
		a := watcher.Get("/v1/posts/" + here("post", "1"))
		return a.Status == 200 && fmt.Sprint(a.Map()["reactions"]) == "map[like:1]" && watcher.Get("/v1/comments/" + here("comment", "2")).Map()["reactions"] != nil
	})
	post := watcher.Get("/v1/posts/" + here("post", "1")).Map()
	if post["publishedAt"] != "2019-03-04T09:00:00.123Z" || post["createdAt"] != post["publishedAt"] || dig(post, "author", "displayName") != "Inês" || post["comments"] != 2.0 ||
		fmt.Sprint(post["hashtags"]) != "[seedlings]" || len(post["mentions"].([]any)) != 2 {
		t.Errorf("post: %v", post)
	}
	if p := watcher.Get("/v1/posts/" + here("post", "3")).Map(); p["author"] != nil || p["anonymous"] != true {
		t.Errorf("anonymous: %v", p)
	}
	if c := watcher.Get("/v1/comments/" + here("comment", "2")).Map(); c["parentId"] != here("comment", "1") || c["createdAt"] != "2019-03-04T11:00:00.000Z" || fmt.Sprint(c["reactions"]) != "map[happy:1]" {
		t.Errorf("comment: %v", c)
	}
	if a := watcher.Get("/v1/accounts/@kenji_import").Map(); a["createdAt"] != "2019-03-02T07:00:00.000Z" || a["posts"] != 1.0 {
		t.Errorf("account: %v", a)
	}
	if list := watcher.Get("/v1/boards/" + here("board", "g") + "/posts").Items(); len(list) != 3 || list[0]["id"] != here("post", "3") || list[2]["id"] != here("post", "1") {
		t.Errorf("board: %v", list)
	}
	i.s.Eventually("the search", func() bool { return len(search(watcher, "温室", "")) == 1 })

	status, stdout, stderr := i.run(lines)
	if status != 0 || strings.Count(stdout, ": 0 imported, ") != 5 {
		t.Errorf("again: exit %d: %s%s", status, stdout, stderr)
	}
	i.s.Move(watcher)
	letter := resetLetter(i.s, "kenji.import@example.org")
	i.s.Client().Put("/v1/password-resets", body{"token": letter.Token, "password": newPassword}).Want(204)
	kenji := i.s.Client()
	kenji.SignIn("kenji_import", newPassword).Want(201)
	say(kenji, here("post", "1"), "")
	kenji.Put("/v1/accounts/"+watcher.Account.ID+"/follow", nil).Want(204)
	watcher.Position = kenji.Position
	if told := watcher.Get("/v1/notifications").Items(); len(told) != 1 || told[0]["kind"] != "follow" {
		t.Errorf("told: %v", told)
	}
	if told := kenji.Get("/v1/notifications").Items(); len(told) != 0 {
		t.Errorf("told: %v", told)
	}
}

// Lines that cannot be imported are refused one by one, each with its reason,
// and the rest comes in.
func TestImportRefuses(t *testing.T) {
	t.Parallel()
	i := importing{t, harness.Start(t)}
	i.s.Admin()
	bad := []struct{ line, want string }{
		{`{"kind":"account"`, " line.malformed"},
		{`{"kind":"board","id":"b","name":"` + strings.Repeat("x", 2<<20) + `"}`, " line.too_long"},
		{`null`, " line.malformed"},
		{`[1]`, " line.malformed"},
		{"{\"kind\":\"board\",\"id\":\"b\",\"at\":\"2019-03-01T09:00:00Z\",\"name\":\"\xff\"}", " line.malformed  no valid UTF-8"},
		{`{"id":"1","at":"2019-03-01T09:00:00Z"}`, " request.invalid kind required"},
		{`{"kind":"room","id":"1","at":"2019-03-01T09:00:00Z"}`, "room request.invalid kind unknown"},
		{`{"kind":"board","at":"2019-03-01T09:00:00Z","name":"x"}`, "board request.invalid id required"},
		{`{"kind":"board","id":"b","name":"x"}`, "board request.invalid at required"},
		{`{"kind":"board","id":"b","at":"yesterday","name":"x"}`, "board request.invalid at no RFC 3339 time"},
		{`{"kind":"board","id":"b","at":"2999-03-01T09:00:00Z","name":"x"}`, "board request.invalid at in the future"},
		{`{"kind":"board","id":"b","at":"1919-03-01T09:00:00Z","name":"x"}`, "board request.invalid at before 1970"},
		{`{"kind":"board","id":7,"at":"2019-03-01T09:00:00Z","name":"x"}`, "board request.invalid id wrong type"},
		{`{"kind":"board","id":"b","at":"2019-03-01T09:00:00Z","name":"` + strings.Repeat("x", 33) + `"}`, "board request.invalid name too_long"},
		{`{"kind":"board","id":"b","at":"2019-03-01T09:00:00Z","name":"greenhouse"}`, "board board.name_taken name taken"},
		{`{"kind":"account","id":"3","at":"2019-03-01T09:00:00Z","handle":"INES_import","email":"x@example.org"}`, "account account.handle_taken handle taken"},
		{`{"kind":"account","id":"3","at":"2019-03-01T09:00:00Z","handle":"a b","email":"x"}`, "account request.invalid email email, handle characters"},
		{`{"kind":"post","id":"9","at":"2019-03-01T09:00:00Z","author":"9","board":"g","title":"x","body":"x"}`, "post request.invalid author unknown"},
		{`{"kind":"post","id":"9","at":"2019-03-01T09:00:00Z","author":"1","board":"h","title":"x","body":"x"}`, "post request.invalid board unknown"},
		{`{"kind":"post","id":"9","at":"2019-03-01T09:00:00Z","author":"1","board":"g","title":"","body":"x","type":"song"}`, "post request.invalid title required, type unknown"},
		{`{"kind":"comment","id":"9","at":"2019-03-01T09:00:00Z","author":"1","post":"9","body":"x"}`, "comment request.invalid post unknown"},
		{`{"kind":"comment","id":"9","at":"2019-03-01T09:00:00Z","author":"1","post":"2","parent":"1","body":"x"}`, "comment request.invalid parentId unknown"},
		{`{"kind":"reaction","at":"2019-03-01T09:00:00Z","author":"1","post":"1","comment":"1","reaction":"like"}`, "reaction request.invalid post either this or comment is required"},
		{`{"kind":"reaction","at":"2019-03-01T09:00:00Z","author":"1","post":"1","reaction":"shrug"}`, "reaction reaction.unknown kind unknown"},
	}
	lines := slices.Clone(imported)
	for _, b := range bad {
		lines = append(lines, b.line)
	}
	lines = append(lines, `{"kind":"post","id":"4","at":"2019-03-07T09:00:00Z","author":"2","board":"g","title":"The last","body":"x"}`)
	report := filepath.Join(t.TempDir(), "refused.jsonl")
	status, stdout, stderr := i.run(lines, "--report="+report)
	if want := fmt.Sprintf("parley: %d of %d lines were refused; %s says why", len(bad), len(lines), report); status != 1 || !strings.Contains(stderr, want) || !strings.Contains(stdout, "post: 4 imported, 0 were there already, 3 refused") {
		t.Fatalf("exit %d: %s%s", status, stdout, stderr)
	}
	raw, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	for n, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		var r struct {
			Line            int
			Kind, ID, Error string
			Details         []struct{ Field, Problem string }
			Message         string
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil || n >= len(bad) {
			t.Fatalf("report %s: %v", line, err)
		}
		var details []string
		for _, d := range r.Details {
			details = append(details, d.Field+" "+d.Problem)
		}
		got := strings.TrimRight(r.Kind+" "+r.Error+" "+strings.Join(details, ", "), " ")
		if got != bad[n].want || r.Line != len(imported)+1+n || r.Message == "" {
			t.Errorf("%s\nis refused as %q, want %q", bad[n].line, got, bad[n].want)
		}
	}

	args := i.arguments(lines)
	if status, _, stderr := parley(t, append(args, "--report="+args[1])...); status != 1 || !strings.Contains(stderr, "--report names the dump itself") {
		t.Errorf("a report over the dump: exit %d: %s", status, stderr)
	}
	if left, err := os.ReadFile(args[1]); err != nil || string(left) != strings.Join(lines, "\n") {
		t.Errorf("the dump has %d bytes left: %v", len(left), err)
	}
	missing := filepath.Join(t.TempDir(), "none.jsonl")
	if status, _, stderr := parley(t, "import", missing, "--as=first_admin", "--data="+t.TempDir()); status != 2 || !strings.Contains(stderr, missing) {
		t.Errorf("no file: exit %d: %s", status, stderr)
	}
	if status, _, stderr := i.run([]string{`{"kind":"reaction","at":"2019-03-04T11:01:00Z","author":"1","post":"1","reaction":"shrug"}`, "{\"kind\":\"\xff\"}"}); status != 1 ||
		!strings.Contains(stderr, "line 1 is refused: reaction: There is no such reaction here. (reaction.unknown; kind unknown)\n") ||
		!strings.Contains(stderr, "line 2 is refused: This line is no JSON object of the documented form. (line.malformed; no valid UTF-8)\n") {
		t.Errorf("without a report: exit %d: %s", status, stderr)
	}
	if status, _, stderr := parley(t, "import", report, "--as=first_admin", "--newest-at=now", "--data="+t.TempDir()); status != 2 || !strings.Contains(stderr, "--newest-at") {
		t.Errorf("no time: exit %d: %s", status, stderr)
	}
	if status, _, stderr := i.run(nil, "--as=nobody"); status != 1 || !strings.Contains(stderr, `there is no account "nobody"`) {
		t.Errorf("as nobody: exit %d: %s", status, stderr)
	}
	if status, _, stderr := i.run(nil, "--as=ines_import"); status != 1 || !strings.Contains(stderr, "ines_import is no administrator") {
		t.Errorf("as a member: exit %d: %s", status, stderr)
	}
}

// An import that is killed goes on where it was when it is run again.
func TestImportIsKilled(t *testing.T) {
	t.Parallel()
	i := importing{t, harness.Start(t)}
	i.s.Admin()
	lines := slices.Clone(imported[:3])
	const posts = 2000
	for n := range posts {
		lines = append(lines, fmt.Sprintf(`{"kind":"post","id":"n%d","at":"2019-04-01T09:00:00Z","author":"%d","board":"g","title":"Number %d","body":"text"}`, n, n%2+1, n))
	}
	args := i.arguments(lines)
	if i.s.Cluster == nil {
		i.s.Stop()
	}
	cmd := exec.CommandContext(t.Context(), harness.Binary(t), args...)
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if said = append(said, lines.Text()); lines.Text() == "lines: 1000" {
			break
		}
	}
	_ = cmd.Process.Kill()
	rest, _ := io.ReadAll(stderr)
	_ = cmd.Wait()
	if cmd.ProcessState.Exited() {
		t.Fatalf("it ended by itself: %s: %q", cmd.ProcessState, append(said, string(rest)))
	}
	for _, again := range []bool{false, true} {
		status, out, errs := parley(t, args...)
		var came, there int
		_, after, ok := strings.Cut(out, "post: ")
		if !ok || status != 0 {
			t.Fatalf("exit %d: %s%s", status, out, errs)
		}
		_, err := fmt.Sscanf(after, "%d imported, %d were there already, 0 refused", &came, &there)
		if err != nil || came+there != posts || there < 997 || again != (there == posts) {
			t.Errorf("run again: %v: %s", err, out)
		}
	}
}

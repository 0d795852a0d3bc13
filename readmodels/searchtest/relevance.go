package searchtest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/parleyhq/parley/readmodels"
)

// question is what somebody asks: one of Best must come first, all of Near
// among the first five, and none of Not at all. They are as in said.ref, with
// spaces between them.
type question struct {
	ask, best, near, not string
}

// Whom one may take for another is in Not: posts of the same topic without one
// of the words.
var questions = []question{
	// Chinese.
	{"咖啡", "latte taipei-quiet taipei-map tea catcafe water", "", "brew"},
	{"台北咖啡店", "taipei-map", "", "taipei-quiet beans"},
	{"台北 咖啡店", "taipei-map taipei-quiet", "taipei-map taipei-quiet", "latte"},
	{"台北", "taipei-map taipei-quiet meetup catcafe", "", "taipei-hike"},
	{"水溫", "water", "", "brew"},
	{"手沖", "water", "", ""},
	{"吉他 新手", "guitar-zh", "", "guitar-en strings-zh"},
	{"吉他弦", "strings-zh", "", "guitar-zh"},
	{"吉他", "guitar-zh strings-zh ukulele", "guitar-zh strings-zh ukulele", "guitar-en"},
	{"烏克麗麗", "ukulele", "", ""},
	{"聊天室", "chatrules", "", ""},
	{"索引", "index-zh", "", "pgindex"},
	{"資料庫", "index-zh deadlock", "index-zh deadlock", "cache"},
	{"錯誤", "goerr-zh", "", "goerr-en"},
	{"死結", "deadlock", "", "index-zh"},
	{"爬蟲", "python-zh", "", "python-en"},
	{"京都 賞楓", "kyoto-zh", "", "kyoto kyoto-en"},
	{"京都", "kyoto-zh kyoto lens", "kyoto-zh kyoto lens", "kyoto-en"},
	{"台南 美食", "tainan-food", "", "nightmarket taiwan-train"},
	{"台南", "tainan-food taiwan-train", "tainan-food taiwan-train", ""},
	{"黑貓", "blackcat", "", "cat-ja cat-food"},
	{"貓", "blackcat cat-food catcafe", "", "cats-en"},
	{"牛肉麵", "beefnoodle", "", "beefnoodle-en dumpling"},
	{"村上春樹", "murakami-zh murakami", "murakami-zh murakami", ""},
	{"讀書會 投票", "bookclub-zh", "", "bookclub"},
	{"自由式換氣", "swim-zh", "", "swim"},
	{"備份", "backup", "outage-zh", "backup-en"},
	{"匿名", "anon", "", ""},
	// Japanese.
	{"ラーメン", "ramen-tokyo ramen-home", "ramen-tokyo ramen-home", "moving"},
	{"ラーメン 東京", "ramen-tokyo", "", "ramen-home tokyo-rain"},
	{"ﾗｰﾒﾝ", "ramen-tokyo ramen-home", "", ""},
	{"猫", "cat-ja cat-sleep-ja cat-name-ja", "cat-ja cat-sleep-ja", "blackcat"},
	{"紅葉 京都", "kyoto", "", "kyoto-zh"},
	{"紅葉", "kyoto", "", "kyoto-en"},
	{"データベース postgresql", "dbdesign-ja", "", "pgindex index-zh"},
	{"漢字", "japanese", "", "kanji"},
	{"東京", "tokyo-rain ramen-tokyo meetup-ja", "tokyo-rain ramen-tokyo meetup-ja", "tokyo-cheap"},
	{"包丁の研ぎ方", "knife-ja", "", "knife"},
	{"カレー", "curry-ja", "", "curry-en"},
	{"コーヒー", "filter-ja", "moka", "latte beans"},
	{"文字化け", "utf8", "", "unicode"},
	{"所有権", "rust-ja", "", "rust"},
	{"喫茶", "cafe-ja jazz", "cafe-ja jazz", ""},
	{"マラソン", "marathon-ja", "", "run-zh"},
	// English.
	{"coffee", "coldbrew brew wifi tip tea-en scale grinder", "", "moka"},
	{"coffee temperature", "brew", "", "wifi water"},
	{"coffee grounds", "tip", "", "brew"},
	{"COFFEE SHOPS", "wifi", "", "brew"},
	{"postgresql index", "pgindex", "", "dbdesign-ja"},
	{"guitar", "guitar-en", "", "guitar-zh"},
	{"guittar chords", "guitar-en", "", "synth"},
	{"cats", "cats-en", "", "cat-ja"},
	{"cats databases", "intro", "", "cats-en"},
	{"cat pictures", "cats-en", "", "cat-tree"},
	{"error handling go", "goerr-en", "", "goerr-zh"},
	{"comunity meeting", "meeting", "", "meeting-ja"},
	{"tokyo ramen", "moving", "", "tokyo-cheap"},
	{"tokyo", "moving tokyo-cheap jetlag", "moving tokyo-cheap jetlag", "ramen-tokyo"},
	{"database", "migrate", "meeting", "deadlock"},
	{"event sourcing", "es", "", ""},
	{"borrow checker", "rust", "", "rust-ja"},
	{"beef noodle soup", "beefnoodle-en", "", "miso"},
	{"sourdoug starter", "sourdough", "", ""},
	{"dark forest", "threebody-en", "", "darkmode-en"},
	{"dark mode", "darkmode-en", "", "threebody-en cocoa"},
	{"kuberneets", "k8s", "", ""},
	{"public library", "library", "", "ebook"},
	{"wild bees", "bees", "", "slug"},
	{"berlin meetup", "meetup-en", "lost", "jetlag"},
	{"flat tyre", "bike", "", "piano-en"},
	// Mixed, and other scripts.
	{"Go語言", "goerr-zh", "", "goerr-en go-gen"},
	{"go channel", "go-chan", "", "go-gen"},
	{"ｐｏｓｔｇｒｅｓｑｌ　索引", "index-zh", "", "pgindex"},
	{"hot chocolate 食譜", "cocoa", "", "icecream"},
	{"cat cafe 台北", "catcafe", "", "taipei-map"},
	{"kafka 消費者", "kafka", "", "kafka-en"},
	{"kafka", "kafka kafka-en", "kafka kafka-en", ""},
	{"latte 京都", "cafe-mixed", "", "latte kyoto"},
	{"kyoto 排隊", "cafe-mixed", "", "kyoto-zh kyoto-en"},
	{"카페", "seoul-ko", "", "seoul"},
	{"김치찌개", "kimchi-ko", "", "kimchi"},
	{"errors.Join", "goerr-zh", "", "goerr-en"},
	{"🦆", "", "", "emoji"},
	{"qqqq", "", "", ""},
}

// others are questions about what is no post.
var others = map[readmodels.Kind][]question{
	readmodels.SearchAccounts: {
		{"mei", "@mei", "", "@rosa"},
		{"小明", "@lin", "", ""},
		{"sam beck", "@sam", "", ""},
		{"keler", "@tom", "", ""},
		{"田中", "@kenji", "", "@yuki"},
		{"佐藤", "@yuki", "", ""},
		{"猫", "@haru", "", "@mei"},
		{"cat", "@sam", "", "@mei"},
		{"tokyo", "@tom", "", "@yuki"},
		{"no", "@nora", "", ""},
	},
	readmodels.SearchBoards: {
		{"coff", "coffee", "", ""},
		{"コーヒー", "coffee", "", "cooking"},
		{"音樂", "music", "", ""},
		{"プログラミング", "programming", "", ""},
		{"town", "town-hall", "", ""},
		{"cats", "cats", "", "coffee"},
		{"re", "", "", ""},
	},
	readmodels.SearchHashtags: {
		{"go", "#go", "", "#git"},
		{"台", "#台北 #台南 #台中", "#台北 #台南 #台中", "#taipei"},
		{"postgre", "#postgresql", "", ""},
		{"貓", "#貓", "#黑貓", "#猫"},
		{"#coffe", "#coffee", "", ""},
		{"ラーメン", "#ラーメン", "", ""},
		{"跑步", "#跑步", "", "#running"},
		{"runing", "#running", "", ""},
	},
}

// relevance: F10: what people look for comes first, on every engine.
func relevance(t *testing.T, p Place) {
	i := begin(t, p)
	docs, refs, err := communityDocuments()
	must(t, err)
	i.put(docs...)
	asked := maps.Clone(others)
	asked[readmodels.SearchPosts] = questions
	for kind, list := range asked {
		for _, q := range list {
			hits, err := i.Search(t.Context(), family, readmodels.SearchQuery{Kind: kind, Words: readmodels.Words(q.ask), Limit: 100})
			must(t, err)
			got := make([]string, len(hits))
			for n, h := range hits {
				got[n] = refs[h.Key]
			}
			q.check(t, got)
		}
	}
}

func (q question) check(t *testing.T, got []string) {
	t.Helper()
	best, first := strings.Fields(q.best), got[:min(len(got), 5)]
	if len(best) == 0 && len(got) > 0 || len(best) > 0 && (len(got) == 0 || !slices.Contains(best, got[0])) {
		t.Errorf("%q: %v first, want one of %v", q.ask, first, best)
	}
	for _, near := range strings.Fields(q.near) {
		if !slices.Contains(first, near) {
			t.Errorf("%q: %s is not among the first, which are %v", q.ask, near, first)
		}
	}
	for _, not := range strings.Fields(q.not) {
		if slices.Contains(got, not) {
			t.Errorf("%q finds %s, which lacks a word", q.ask, not)
		}
	}
}

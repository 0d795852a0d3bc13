package searchtest

import (
	"slices"
	"testing"

	"github.com/parleyhq/parley/readmodels"
)

// community is what some people wrote: several posts near each topic, so that
// the right one has to be told from its like.
var community = []struct{ title, body string }{
	0:  {"如何在台北找到好喝的咖啡", "我最近搬到台北，想找一間安靜、可以工作的咖啡店。大家有推薦嗎？"},
	1:  {"台北咖啡店地圖 2026", "整理了三十間咖啡店，附上營業時間和插座數量。"},
	2:  {"手沖咖啡的水溫", "淺焙用九十三度，深焙用八十八度。水溫太高會苦。"},
	3:  {"新手學吉他該從哪裡開始", "和弦太難按了，手指好痛。請問有沒有適合初學者的教材？"},
	4:  {"吉他弦多久換一次", "每天練習兩小時，大概一個月換一次。"},
	5:  {"社群聊天室使用規則", "請尊重彼此，不要洗版。聊天室每晚十二點關閉。"},
	6:  {"資料庫索引入門", "索引讓查詢變快，但是寫入會變慢。以 PostgreSQL 為例說明。"},
	7:  {"東京で一番おいしいラーメン屋", "新宿の小さな店です。醤油ラーメンがおすすめ。"},
	8:  {"ラーメンの作り方", "家で豚骨スープを八時間煮込みました。"},
	9:  {"猫の写真を貼るスレッド", "うちの黒猫です。名前はクロ。"},
	10: {"日本語の勉強方法", "毎日十個の漢字を書いて、アニメを字幕なしで見ています。"},
	11: {"京都の紅葉はいつが見頃？", "十一月の後半に行く予定です。嵐山と清水寺を考えています。"},
	12: {"データベースの設計について", "正規化とインデックスの話。PostgreSQL を使っています。"},
	13: {"How to brew better coffee at home", "Grind fresh, weigh the beans, and mind the water temperature."},
	14: {"Coffee shops with good wifi", "A list of places to work from. Most have sockets; some have coffee worth drinking."},
	15: {"PostgreSQL index tuning", "Partial indexes, covering indexes and when the planner ignores them. An index is not free."},
	16: {"Event sourcing in practice", "We store events and fold them into tables. Rebuilding takes minutes."},
	17: {"Introducing myself", "I am new in this community. I like databases, coffee and cats."},
	18: {"Beginner guitar chords", "G, C and D are enough for hundreds of songs. Practice changing between them."},
	19: {"Cat pictures thread", "Post your cats here. Mine sleeps on the keyboard."},
	20: {"Moving to Tokyo: apartments, visas, ramen", "Everything that I wish somebody had told me."},
	21: {"Go 語言的錯誤處理", "Go 1.20 之後可以用 errors.Join 合併多個錯誤。"},
	22: {"Error handling in Go", "Wrap errors once, with what was being done. Use errors.Is and errors.As."},
	23: {"Weekly community meeting notes", "We talked about moderation, the new rules and the database migration."},
}

// questions are what people ask, and the posts of which one must come first.
var questions = []struct {
	ask  string
	best []int
}{
	{"咖啡", []int{0, 1, 2}},
	{"台北咖啡店", []int{1}},
	{"台北 咖啡店", []int{1, 0}},
	{"水溫", []int{2}},
	{"吉他 新手", []int{3}},
	{"吉他弦", []int{4}},
	{"聊天室", []int{5}},
	{"索引", []int{6}},
	{"錯誤", []int{21}},
	{"Go語言", []int{21}},
	{"ラーメン", []int{7, 8}},
	{"ラーメン 東京", []int{7}},
	{"猫", []int{9}},
	{"紅葉 京都", []int{11}},
	{"データベース postgresql", []int{12}},
	{"漢字", []int{10}},
	{"coffee", []int{13, 14}},
	{"coffee temperature", []int{13}},
	{"postgresql index", []int{15}},
	{"guitar", []int{18}},
	{"guittar chords", []int{18}},
	{"cats", []int{19, 17}},
	{"cat pictures", []int{19}},
	{"error handling go", []int{22}},
	{"comunity meeting", []int{23}},
	{"tokyo ramen", []int{20}},
	{"database", []int{23}},
	{"event sourcing", []int{16}},
	{"ｐｏｓｔｇｒｅｓｑｌ　索引", []int{6}},
}

// relevance: F10: what people look for comes first, on every engine.
func relevance(t *testing.T, p Place) {
	i := begin(t, p)
	docs := make([]readmodels.Document, len(community))
	for n, c := range community {
		docs[n] = post(n, c.title, c.body)
	}
	i.put(docs...)
	for _, q := range questions {
		got := i.ask(readmodels.SearchQuery{Words: readmodels.Words(q.ask), Limit: 5})
		if len(got) == 0 || !slices.Contains(q.best, got[0]) {
			t.Errorf("%q: %v first, want one of %v", q.ask, got, q.best)
		}
	}
}

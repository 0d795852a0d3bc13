package bench

import (
	"math/rand/v2"
	"strings"

	"github.com/parleyhq/parley/readmodels/searchtest/lexicon"
)

// tongue is a language in which posts are made up: its frequent words, the most
// frequent first, and how its rare ones sound.
type tongue struct {
	words   []string
	rare    func(n uint64) string
	between string   // words
	ends    []string // of sentences
}

// The frequent words are those of examples/community.
var tongues = []tongue{
	{strings.Fields(english), latin, " ", []string{". ", "? ", ", "}},
	{strings.Fields(chinese), lexicon.Han, "", []string{"。", "，", "？"}},
	{strings.Fields(japanese), kana, "", []string{"。", "、"}},
}

const (
	english = `the a and in for is one it of that to on coffee not my i no you two go at with cat them we was time cats are first do postgresql an your day every
		then week three how good from minutes tokyo me what does there more write after git need people water work have new this here errors database twice look
		has long compost five ten than yes think search without kafka something behind before berlin library home some index when free guitar community ramen`
	chinese = `的 可以 咖啡 台北 一次 怎麼 吉他 不要 每天 資料庫 京都 什麼 還是 最後 真的 新手 沒有 一個 公告 之後 自己 台南 還有 推薦 時間 開始 小時 規則 關閉 索引
		語言 處理 烏克麗麗 只有 一直 柴犬 牛肉麵 晚上 辣椒 備份 匿名 跑步 好喝 安靜 大家 水溫 請問 適合 聊天室 尊重 但是 錯誤 鋼琴 樂團 演唱會 搜尋 交易 順序`
	japanese = `です の 東京 ラーメン 時間 コーヒー 会議 抹茶 一番 新宿 写真 名前 日本語 方法 毎日 京都 紅葉 喫茶 バイオリン ジャズ 初めて コード 大阪 北海道 包丁
		カレー 少し 弁当 英語 漫画 盆栽 お知らせ マラソン 野球 相撲 ボードゲーム クラシック ハムスター 醤油 小さな 豚骨 スープ 黒猫 漢字 字幕 設計 データベース`
)

// word is the nth most frequent one.
func (t tongue) word(n uint64) string {
	if n < uint64(len(t.words)) {
		return t.words[n]
	}
	return t.rare(n)
}

// vocabulary is how many words a tongue has.
const vocabulary = 30_000

// text is some words, drawn as often as words of their rank are.
func (t tongue) text(r *rand.Rand, ranks *rand.Zipf, words int) string {
	var b strings.Builder
	for n := range words {
		b.WriteString(t.word(ranks.Uint64()))
		switch {
		case n+1 == words:
		case r.IntN(9) == 0:
			b.WriteString(t.ends[r.IntN(len(t.ends))])
		default:
			b.WriteString(t.between)
		}
	}
	return b.String()
}

// writings gives titles and bodies, the same ones each time: half of them
// English, the others Chinese and Japanese.
func writings() func() (title, body string) {
	r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // repeatable
	ranks := rand.NewZipf(r, 1.07, 4, vocabulary)
	return func() (title, body string) {
		t := tongues[max(0, r.IntN(4)-1)]
		return t.text(r, ranks, 3+r.IntN(6)), t.text(r, ranks, 10+r.IntN(60))
	}
}

// lookups are what is asked of them: common words, some and rare ones, each
// alone and two by two; two scripts in one question at last.
func lookups() []string {
	var all []string
	for _, t := range tongues {
		for _, n := range []uint64{12, 28, 45, 300, 3_000, 20_000} {
			all = append(all, t.word(n))
		}
		for _, pair := range [][2]uint64{{3, 12}, {12, 28}, {28, 45}, {12, 300}, {45, 3_000}} {
			all = append(all, t.word(pair[0])+" "+t.word(pair[1]))
		}
	}
	return append(all, tongues[0].word(12)+" "+tongues[1].word(3), tongues[0].word(31)+tongues[1].word(9))
}

// latin has two syllables at least.
func latin(n uint64) string { return lexicon.Latin(n + 85) }

func kana(n uint64) string {
	const first, characters = 'ア', 80
	return string([]rune{first + rune(n%characters), first + rune(n/3%characters), first + rune(n/characters%characters)})
}

package seed

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// tongue is what a person writes in.
type tongue struct {
	given, family []string
	openings      []string // of a post; %s is a topic
	sentences     []string // %s is a topic
	replies       []string
	chat          []string
	joiner        string // between sentences
}

// topic is what boards and posts are about; its words are in each tongue.
type topic struct {
	board string // at most 32 bytes
	about string
	words [3]string // English, Chinese, Japanese
	tags  []string
}

var topics = []topic{
	{"Town Square", "Whatever does not fit elsewhere.", [3]string{"the weekend market", "週末市集", "週末の市場"}, []string{"hello", "weekend", "市集"}},
	{"Bread and Butter", "Baking, mostly sourdough.", [3]string{"sourdough", "酸種麵包", "サワードウ"}, []string{"baking", "sourdough", "麵包"}},
	{"Night Trains", "Sleeping on rails, across borders.", [3]string{"the night train", "夜車", "夜行列車"}, []string{"trains", "travel", "夜行列車"}},
	{"Small Servers", "Running things at home.", [3]string{"my home server", "家用伺服器", "自宅サーバー"}, []string{"selfhosted", "linux", "サーバー"}},
	{"Film Cameras", "Grain, light, patience.", [3]string{"expired film", "過期底片", "期限切れフィルム"}, []string{"film", "35mm", "底片"}},
	{"Gardens on Balconies", "Green things in small places.", [3]string{"tomato seedlings", "番茄苗", "トマトの苗"}, []string{"garden", "tomatoes", "陽台"}},
	{"Go Programmers", "The language, not the game.", [3]string{"a data race", "資料競爭", "データ競合"}, []string{"golang", "code", "プログラミング"}},
	{"The Other Go", "The game, not the language.", [3]string{"the opening", "布局", "布石"}, []string{"baduk", "圍棋", "囲碁"}},
	{"Tea", "Leaves and water.", [3]string{"oolong", "烏龍茶", "烏龍茶"}, []string{"tea", "烏龍茶", "お茶"}},
	{"Long Walks", "Routes, boots, weather.", [3]string{"the ridge trail", "稜線步道", "尾根道"}, []string{"hiking", "mountains", "登山"}},
}

var tongues = [3]tongue{
	{
		given:     []string{"Ada", "Ben", "Cleo", "Dara", "Elif", "Finn", "Grace", "Hugo", "Ines", "Jonas", "Kira", "Liam", "Mara", "Noor", "Otis", "Pia", "Quinn", "Rosa", "Sam", "Tess", "Uma", "Viktor", "Wren", "Yara", "Zeno"},
		family:    []string{"Abbott", "Berg", "Castro", "Duarte", "Eriksen", "Fischer", "Gray", "Haddad", "Ito", "Jensen", "Kaya", "Lindt", "Moreau", "Novak", "Okafor", "Park", "Rossi", "Singh", "Toth", "Weber"},
		openings:  []string{"What I learned about %s", "A question about %s", "%s, one year later", "In praise of %s", "Help me understand %s", "Notes on %s", "Has anybody tried %s?", "The trouble with %s"},
		sentences: []string{"I spent most of last month on %s and would do it again.", "Nobody told me how much patience %s takes.", "The first attempt was a disaster; the second one was merely bad.", "A friend showed me a **simpler way**, and it changed how I think about %s.", "If you are new to this, start small and write everything down.", "There is a good discussion of %s in the library, third shelf.", "I would love to hear how others deal with it.", "Three things matter:\n\n- time\n- attention\n- a sense of humour", "> It is never as hard as the night before.\n\nThat is true of %s as well.", "The details are boring, but the result is not."},
		replies:   []string{"Thank you, that helped.", "I had the same problem last year.", "Could you share a picture?", "Not sure I agree, but well put.", "This made my day.", "Try it with half the amount.", "Where did you find that?", "Following this one."},
		chat:      []string{"are you there?", "yes, give me a minute", "did you see the new post?", "haha, exactly", "tomorrow at six?", "works for me", "running late, sorry", "let me look that up", "good night!", "that was fun"},
		joiner:    " ",
	},
	{
		given:     []string{"怡君", "志明", "淑芬", "家豪", "雅婷", "俊傑", "美玲", "冠宇", "佩珊", "承恩"},
		family:    []string{"陳", "林", "黃", "張", "李", "王", "吳", "劉", "蔡", "楊"},
		openings:  []string{"關於%s的一些心得", "請問%s怎麼開始?", "%s真的值得嗎", "我與%s的一年", "分享:%s入門"},
		sentences: []string{"上個月我花了很多時間研究%s。", "一開始完全失敗,第二次就好多了。", "朋友教我一個**更簡單的方法**。", "如果你是新手,建議從小地方開始。", "想聽聽大家的經驗。", "其實%s沒有想像中那麼難。", "重點有三個:\n\n- 時間\n- 專心\n- 幽默感"},
		replies:   []string{"謝謝分享!", "我也遇過一樣的問題。", "可以放照片嗎?", "說得真好。", "已收藏。", "下次試試看。"},
		chat:      []string{"在嗎?", "等我一下", "看到新的文章了嗎?", "哈哈真的", "明天六點?", "好啊", "晚安", "我查一下"},
	},
	{
		given:     []string{"陽菜", "蓮", "結衣", "湊", "さくら", "大翔", "美咲", "悠真", "葵", "颯太"},
		family:    []string{"佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本", "中村", "小林", "加藤"},
		openings:  []string{"%sについて学んだこと", "%sの始め方を教えてください", "%s、一年後", "%sのすすめ", "%sで困っています"},
		sentences: []string{"先月はずっと%sに取り組んでいました。", "最初は失敗しましたが、二回目は少しましでした。", "友人が**もっと簡単な方法**を教えてくれました。", "初めての方は小さく始めるのがおすすめです。", "皆さんの経験を聞かせてください。", "%sは思ったほど難しくありません。"},
		replies:   []string{"ありがとうございます!", "私も同じ問題がありました。", "写真を見せてもらえますか?", "とても参考になりました。", "試してみます。"},
		chat:      []string{"今いますか?", "少し待ってください", "新しい投稿見ました?", "ですよね", "明日六時は?", "大丈夫です", "おやすみなさい"},
	},
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func (t tongue) about(r *rand.Rand, from []string, word string) string {
	s := pick(r, from)
	if strings.Contains(s, "%s") {
		return fmt.Sprintf(s, word)
	}
	return s
}

// body is two to six different sentences in paragraphs, and one to three
// hashtags.
func (t tongue) body(r *rand.Rand, in topic, word string) string {
	order := r.Perm(len(t.sentences))
	var b strings.Builder
	for i, n := range order[:min(len(order), 2+r.IntN(5))] {
		s := t.sentences[n]
		if strings.Contains(s, "%s") {
			s = fmt.Sprintf(s, word)
		}
		if i > 0 {
			if strings.ContainsAny(s, "\n") || r.IntN(3) == 0 {
				b.WriteString("\n\n")
			} else {
				b.WriteString(t.joiner)
			}
		}
		b.WriteString(s)
	}
	b.WriteString("\n\n")
	for i, n := range r.Perm(len(in.tags))[:1+r.IntN(len(in.tags))] {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("#" + in.tags[n])
	}
	return b.String()
}

package searchtest

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/parleyhq/parley/readmodels"
)

// Texts are titles and bodies of n plausible posts, the same ones each time:
// two thirds English, one third Chinese, some words common and most rare.
func Texts(n int) (titles, bodies []string) {
	random := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // repeatable
	rare := rand.NewZipf(random, 1.1, 8, 20_000)
	for range n {
		word := latin
		if random.IntN(3) == 0 {
			word = han
		}
		titles = append(titles, sentence(word, rare, 3+random.IntN(6)))
		bodies = append(bodies, sentence(word, rare, 20+random.IntN(120)))
	}
	return titles, bodies
}

// Documents are posts with these texts.
func Documents(n int) []readmodels.Document {
	titles, bodies := Texts(n)
	docs := make([]readmodels.Document, n)
	for i := range docs {
		docs[i] = post(i, titles[i], bodies[i])
		docs[i].At = start.Add(time.Duration(i) * time.Second)
	}
	return docs
}

// Queries are what is asked of them: common words, rare ones, pairs, both
// scripts.
func Queries() []string {
	var all []string
	for _, n := range []uint64{0, 5, 50, 500, 3000} {
		all = append(all, latin(n), han(n), latin(n)+" "+latin(n/2+1), han(n)+" "+han(n/3+1))
	}
	return all
}

func sentence(word func(uint64) string, rare *rand.Zipf, words int) string {
	var b strings.Builder
	for range words {
		b.WriteString(word(rare.Uint64()))
		b.WriteByte(' ')
	}
	return b.String()
}

// latin is the nth most frequent word.
func latin(n uint64) string {
	const consonants, vowels = "tnshrdlcmwfgypbvk", "eaoiu"
	var b strings.Builder
	for n += 40; n > 0; n /= 85 {
		b.WriteByte(consonants[n%17])
		b.WriteByte(vowels[n/17%5])
	}
	return b.String()
}

// han is the nth most frequent word of two characters.
func han(n uint64) string {
	const first, characters = '一', 3000
	return string([]rune{first + rune(n*7%characters), first + rune((n*13+n/characters)%characters)})
}

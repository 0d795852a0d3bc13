package searchtest

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/parleyhq/parley/readmodels"
	"github.com/parleyhq/parley/readmodels/searchtest/lexicon"
)

// Texts are titles and bodies of n plausible posts, the same ones each time:
// two thirds English, one third Chinese, some words common and most rare.
func Texts(n int) (titles, bodies []string) {
	random := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // repeatable
	rare := rand.NewZipf(random, 1.1, 8, 20_000)
	for range n {
		word := latin
		if random.IntN(3) == 0 {
			word = lexicon.Han
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
		all = append(all, latin(n), lexicon.Han(n), latin(n)+" "+latin(n/2+1), lexicon.Han(n)+" "+lexicon.Han(n/3+1))
	}
	return all
}

func sentence(word func(uint64) string, rare *rand.Zipf, length int) string {
	var b strings.Builder
	for range length {
		b.WriteString(word(rare.Uint64()))
		b.WriteByte(' ')
	}
	return b.String()
}

// latin is the nth most frequent word.
func latin(n uint64) string { return lexicon.Latin(n + 40) }

package passwords

import (
	_ "embed"
	"sort"
	"strings"
	"sync"
)

//go:embed common.txt
var commonText string

var commonList = sync.OnceValue(func() []string { return strings.Fields(commonText) }) // sorted

// Common says whether password is among the commonest, case ignored.
func Common(password string) bool {
	password = strings.ToLower(password)
	list := commonList()
	i := sort.SearchStrings(list, password)
	return i < len(list) && list[i] == password
}

package community

import _ "embed"

// Lines is the file for `parley import`, one JSON object a line.
//
//go:embed community.jsonl
var Lines []byte

package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/readmodels"
)

// bulkBytes bounds one bulk; a document more may be in it.
const bulkBytes = 4 << 20

// positionID is the document whose version is how far the log is in the index.
const positionID = "position"

// versions: a write counts where the document's version is not higher.
const versions = "external_gte"

// Index is one generation. It implements readmodels.SearchIndex for any number
// of writers.
type Index struct {
	engine *Engine
	alias  string
}

// Apply implements readmodels.SearchIndex.
func (i *Index) Apply(ctx context.Context, changes []readmodels.Change, position uint64) error {
	var refused *readmodels.RefusedDocuments
	for from := 0; from < len(changes); {
		size, to := 0, from
		for ; to < len(changes) && size < bulkBytes; to++ {
			size += len(changes[to].Title) + len(changes[to].Body)
		}
		err := i.bulk(ctx, changes[from:to], position)
		if mine := (*readmodels.RefusedDocuments)(nil); errors.As(err, &mine) {
			if refused == nil {
				refused = &readmodels.RefusedDocuments{Reason: mine.Reason}
			}
			refused.Keys = append(refused.Keys, mine.Keys...)
		} else if err != nil {
			return err
		}
		from = to
	}
	if refused != nil {
		return refused
	}
	return nil
}

// bulk writes some changes; those that the cluster has no time for again.
func (i *Index) bulk(ctx context.Context, changes []readmodels.Change, position uint64) error {
	refused := &readmodels.RefusedDocuments{}
	for try := 1; ; try++ {
		outcome, err := i.send(ctx, changes, position)
		if err != nil {
			return err
		}
		refused.Keys = append(refused.Keys, outcome.refused...)
		if refused.Reason == "" {
			refused.Reason = outcome.reason
		}
		switch {
		case len(outcome.busy) == 0 && len(refused.Keys) > 0:
			return refused
		case len(outcome.busy) == 0:
			return nil
		case try > i.engine.cfg.Retries:
			return fmt.Errorf("%w: elasticsearch: write %s: %d documents were not taken in %d tries: %s",
				readmodels.ErrUnavailable, i.alias, len(outcome.busy), try, outcome.reason)
		}
		select {
		case <-time.After(i.engine.cfg.pause(try)):
		case <-ctx.Done():
			return ctx.Err()
		}
		changes = outcome.busy
	}
}

// outcome is what became of the changes of a bulk that were not made.
type outcome struct {
	busy    []readmodels.Change
	refused []string // keys
	reason  string   // of the first
}

// send makes one bulk. Errors: ErrNoGeneration where the alias is gone; those
// of call.
func (i *Index) send(ctx context.Context, changes []readmodels.Change, position uint64) (o outcome, err error) {
	var answer struct {
		Errors bool              `json:"errors"`
		Items  []map[string]item `json:"items"`
	}
	err = i.engine.call(ctx, "write "+i.alias, i.engine.cfg.Writing, esapi.BulkRequest{
		Index: i.alias, Body: bytes.NewReader(lines(changes, position)), RequireAlias: yes(),
		FilterPath: []string{"errors", "items.*.status", "items.*.error.type", "items.*.error.reason"},
	}, &answer)
	if err != nil || !answer.Errors {
		return o, err
	}
	if len(answer.Items) != len(changes) {
		return o, fmt.Errorf("%w: elasticsearch: write %s: %d answers to %d documents", readmodels.ErrUnavailable, i.alias, len(answer.Items), len(changes))
	}
	for n, actions := range answer.Items {
		for _, it := range actions { // one
			if it.Error == nil || it.Status == http.StatusConflict { // made, or newer there
				continue
			}
			it.Error.Status = it.Status
			if o.reason == "" {
				o.reason = it.Error.Error()
			}
			switch {
			case it.Error.gone():
				return o, fmt.Errorf("%w: elasticsearch: write %s: %w", readmodels.ErrNoGeneration, i.alias, it.Error)
			case it.Error.busy():
				o.busy = append(o.busy, changes[n])
			default:
				o.refused = append(o.refused, changes[n].Key())
			}
		}
	}
	return o, nil
}

type item struct {
	Status int      `json:"status"`
	Error  *refusal `json:"error"`
}

// action is the line before a document.
type action struct {
	ID          string `json:"_id"`
	Version     uint64 `json:"version"`
	VersionType string `json:"version_type"`
}

// document is what is indexed.
type document struct {
	Key    string   `json:"key"` // again, for order
	Kind   string   `json:"kind"`
	Room   string   `json:"room,omitempty"`
	Number uint64   `json:"number,omitempty"`
	Board  string   `json:"board,omitempty"`
	Author string   `json:"author,omitempty"`
	Tags   []string `json:"tags,omitempty"`
	At     int64    `json:"at"` // milliseconds
	Names  []string `json:"names,omitempty"`
	Title  string   `json:"title,omitempty"`
	Body   string   `json:"body,omitempty"`
}

// goneKind is the kind of documents that no query finds: one stands for each
// thing that is gone. A real deletion would make a lost index again, whatever
// the bulk requires of aliases, and its version would soon be forgotten.
const goneKind = "gone"

// lines are the changes in the form of a bulk, NDJSON.
func lines(changes []readmodels.Change, position uint64) []byte {
	var b bytes.Buffer
	out := json.NewEncoder(&b) // of texts and numbers: never fails
	out.SetEscapeHTML(false)
	for n := range changes {
		c := &changes[n]
		_ = out.Encode(map[string]action{"index": {ID: c.Key(), Version: position, VersionType: versions}})
		if c.Gone {
			_ = out.Encode(map[string]string{"kind": goneKind})
			continue
		}
		_ = out.Encode(document{
			Key: c.Key(), Kind: string(c.Kind), Room: idText(c.Room()), Number: c.Number, Board: idText(c.Board), Author: idText(c.Author), Tags: c.Tags,
			At: c.At.UnixMilli(), Names: c.Names, Title: c.Title, Body: c.Body,
		})
	}
	return b.Bytes()
}

func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

// Refresh implements readmodels.SearchIndex.
func (i *Index) Refresh(ctx context.Context) error {
	var answer struct {
		Shards struct {
			Failed int `json:"failed"`
		} `json:"_shards"`
	}
	err := i.engine.call(ctx, "refresh "+i.alias, i.engine.cfg.Timeout, esapi.IndicesRefreshRequest{Index: []string{i.alias}}, &answer)
	if err == nil && answer.Shards.Failed > 0 {
		err = fmt.Errorf("%w: elasticsearch: refresh %s: %d shards failed", readmodels.ErrUnavailable, i.alias, answer.Shards.Failed)
	}
	return err
}

// Position implements readmodels.SearchIndex.
func (i *Index) Position(ctx context.Context) (uint64, error) {
	var answer struct {
		Version uint64 `json:"_version"`
	}
	err := i.engine.call(ctx, "position of "+i.alias, i.engine.cfg.Timeout, esapi.GetRequest{
		Index: i.alias, DocumentID: positionID, Source: []string{"false"},
	}, &answer)
	if r := (*refusal)(nil); errors.As(err, &r) && r.Status == http.StatusNotFound && !r.gone() {
		return 0, nil // a new one: the index is there, the document is not
	}
	return answer.Version, err
}

// SetPosition implements readmodels.SearchIndex. A position below the one that
// is there is a deposed leader's, and is passed over.
func (i *Index) SetPosition(ctx context.Context, position uint64) error {
	version, err := strconv.Atoi(strconv.FormatUint(position, 10))
	if err != nil {
		return fmt.Errorf("elasticsearch: position %d is no version", position)
	}
	err = i.engine.call(ctx, "position of "+i.alias, i.engine.cfg.Timeout, esapi.IndexRequest{
		Index: i.alias, DocumentID: positionID, Version: &version, VersionType: versions, RequireAlias: yes(),
		Body: body(map[string]any{"kind": positionID}),
	}, nil)
	if r := (*refusal)(nil); errors.As(err, &r) && r.Status == http.StatusConflict {
		return nil
	}
	return err
}

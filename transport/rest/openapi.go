package rest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
)

// describe makes the OpenAPI 3.1 document of all routes.
func (s *Server) describe() ([]byte, error) {
	for name, t := range map[string]reflect.Type{
		"Error": reflect.TypeFor[errorBody](), "Problem": reflect.TypeFor[problemBody](), "Always200Error": reflect.TypeFor[legacyBody](),
		"Readiness": reflect.TypeFor[Readiness](),
	} {
		if _, err := s.schemaOf(t, name); err != nil {
			return nil, err
		}
	}
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Parley", Version: s.cfg.Version,
			Description: "Boards, posts and comments, people who follow each other, live chat. Answers come in an envelope; " +
				"errors carry a stable slug in `error` and every bad field in `details`. A write answers with `Parley-Position`; " +
				"send it back with the next call to read what you wrote.",
		},
		Components: &huma.Components{
			Schemas:         s.registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{"bearer": {Type: "http", Scheme: "bearer", Description: "an access token; where a scope is named, an API key that has it too"}},
			Parameters:      sharedParameters,
			Examples:        map[string]*huma.Example{},
		},
	}
	for _, e := range s.routes {
		doc.AddOperation(s.operation(e, doc.Components.Examples))
		if t := e.op.Tag; t != "" && !slices.ContainsFunc(doc.Tags, func(have *huma.Tag) bool { return have.Name == t }) {
			doc.Tags = append(doc.Tags, &huma.Tag{Name: t})
		}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, err
	}
	return json.Marshal(express(tree))
}

var sharedParameters = map[string]*huma.Param{
	"position": {
		Name: positionHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "position token of an earlier answer; this call waits up to 2 s until it is reached",
	},
	"ifMatch": {
		Name: "If-Match", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "the ETag that the caller has in hand; 412 where it is old",
	},
}

// express turns what huma has no form for into JSON Schema: a reference that
// may be null, an enumeration that may be null.
func express(node any) any {
	switch n := node.(type) {
	case []any:
		for i := range n {
			n[i] = express(n[i])
		}
	case map[string]any:
		for name := range n {
			n[name] = express(n[name])
		}
		if n["$ref"] != nil && n[nullableRef] == true {
			ref := map[string]any{"$ref": n["$ref"]}
			delete(n, "$ref")
			delete(n, nullableRef)
			n["anyOf"] = []any{ref, map[string]any{"type": "null"}}
		}
		types, _ := n["type"].([]any)
		if enum, ok := n["enum"].([]any); ok && slices.Contains(types, any("null")) && !slices.Contains(enum, nil) {
			n["enum"] = append(enum, nil)
		}
	}
	return node
}

// operation describes a route. Its errors are added to examples, by slug.
func (s *Server) operation(e *endpoint, examples map[string]*huma.Example) *huma.Operation {
	op := e.op
	o := &huma.Operation{
		Method: op.Method, Path: op.Path, OperationID: op.ID, Summary: op.Summary,
		Responses: map[string]*huma.Response{strconv.Itoa(op.Status): success(e, op.Status)},
	}
	if op.Found {
		o.Responses[strconv.Itoa(http.StatusOK)] = success(e, http.StatusOK)
	}
	if op.Tag != "" {
		o.Tags = []string{op.Tag}
	}
	switch op.Auth {
	case Required:
		o.Security = []map[string][]string{{"bearer": scopesOf(op)}}
	case Optional:
		o.Security = []map[string][]string{{}, {"bearer": scopesOf(op)}}
	case Public:
		o.Security = []map[string][]string{}
	}
	for i := range e.params.list {
		o.Parameters = append(o.Parameters, e.params.list[i].doc)
	}
	if len(op.Waits) > 0 {
		o.Parameters = append(o.Parameters, &huma.Param{Ref: "#/components/parameters/position"})
	}
	if op.Method == http.MethodPatch || op.Method == http.MethodPut {
		o.Parameters = append(o.Parameters, &huma.Param{Ref: "#/components/parameters/ifMatch"})
	}
	switch {
	case e.body != nil:
		o.RequestBody = &huma.RequestBody{
			Required: !op.BodyOptional,
			Content:  map[string]*huma.MediaType{mediaJSON: {Schema: e.bodySchema}},
		}
	case op.Consumes != "":
		schema := e.bodySchema
		if schema == nil {
			schema = &huma.Schema{Type: huma.TypeObject}
		}
		o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{op.Consumes: {Schema: schema}}}
	}
	for status, response := range failures(e, examples) {
		o.Responses[status] = response
	}
	return o
}

// scopesOf is what OpenAPI calls the roles of a requirement: the scope that an
// API key needs. Routes without one take no API key.
func scopesOf(op Op) []string {
	if op.Scope == "" {
		return []string{}
	}
	return []string{op.Scope}
}

// success describes the answer of a route that went well.
func success(e *endpoint, status int) *huma.Response {
	op := e.op
	r := &huma.Response{Description: http.StatusText(status), Headers: map[string]*huma.Header{}}
	if op.Produces != "" {
		schema := &huma.Schema{}
		if op.ID == "readyz" || op.ID == "actuatorHealth" {
			schema.Ref = schemaPrefix + "Readiness"
		}
		r.Content = map[string]*huma.MediaType{op.Produces: {Schema: schema}}
		return r
	}
	if op.Method != http.MethodGet {
		r.Headers[positionHeader] = &huma.Header{
			Description: "position of what was written, opaque", Schema: &huma.Schema{Type: huma.TypeString},
		}
	}
	if e.dataSchema == nil {
		return r
	}
	if status != http.StatusNoContent {
		r.Content = map[string]*huma.MediaType{mediaJSON: {Schema: envelopeSchema(status, e.dataSchema)}}
	}
	return r
}

// envelopeSchema is the standard envelope around data.
func envelopeSchema(status int, data *huma.Schema) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"code", "message", "data", "timestamp"},
		Properties: map[string]*huma.Schema{
			"code":      {Type: huma.TypeInteger, Examples: []any{status}},
			"message":   {Type: huma.TypeString, Examples: []any{"ok"}},
			"data":      data,
			"timestamp": Time{}.Schema(nil),
		},
	}
}

// failures describes the errors of a route, by status.
func failures(e *endpoint, known map[string]*huma.Example) map[string]*huma.Response {
	byStatus := map[string][]*fault.Fault{}
	for _, f := range append(e.usualFaults(), e.op.Errors...) {
		status := strconv.Itoa(statusOf(f))
		if !slices.ContainsFunc(byStatus[status], func(have *fault.Fault) bool { return have.Slug == f.Slug }) {
			byStatus[status] = append(byStatus[status], f)
		}
	}
	responses := map[string]*huma.Response{}
	for status, list := range byStatus {
		slugs := make([]string, len(list))
		examples := map[string]*huma.Example{}
		for i, f := range list {
			slugs[i] = "`" + f.Slug + "`"
			examples[f.Slug] = &huma.Example{Ref: "#/components/examples/" + f.Slug}
			if known[f.Slug] == nil { // its first sentence stands for all
				known[f.Slug] = &huma.Example{Value: exampleOf(f)}
			}
		}
		responses[status] = &huma.Response{
			Description: strings.Join(slugs, ", "),
			Content: map[string]*huma.MediaType{
				mediaJSON:    {Schema: &huma.Schema{Ref: schemaPrefix + "ErrorBody"}, Examples: examples},
				mediaProblem: {Schema: &huma.Schema{Ref: schemaPrefix + "ProblemBody"}},
			},
		}
	}
	return responses
}

func exampleOf(f *fault.Fault) any {
	details := []any{}
	if f.Kind == fault.Invalid {
		details = append(details, map[string]any{"field": "title", "problem": "required"})
	}
	return map[string]any{
		"code": statusOf(f), "message": f.Message, "data": nil, "timestamp": "2026-01-31T12:00:00.000Z",
		"error": f.Slug, "details": details, "traceId": "01890a5dac96774bbcceb302099a8057",
	}
}

// usualFaults are the errors that follow from what a route takes.
func (e *endpoint) usualFaults() []*fault.Fault {
	var list []*fault.Fault
	if e.op.Produces != "" && e.op.Auth == Public && len(e.params.list) == 0 {
		return nil
	}
	if !e.op.Unlimited {
		list = append(list, commands.ErrLimited)
	}
	switch e.op.Auth {
	case Required:
		list = append(list, errAuthMissing, errAuthInvalid)
	case Optional:
		list = append(list, errAuthInvalid)
	}
	if e.op.Scope != "" {
		list = append(list, commands.ErrScope)
	}
	if strings.Contains(e.op.Path, "{") {
		list = append(list, fault.ErrNotFound)
	}
	if e.body != nil {
		list = append(list, errJSONMalformed, errJSONUTF8, errJSONDuplicate, errJSONDepth,
			errBodyTooLarge, errBodyType, errBodyEncoding, fault.ErrInvalid, errText)
	} else if e.params.query {
		list = append(list, errQuery, fault.ErrInvalid)
	}
	if len(e.op.Waits) > 0 {
		list = append(list, errPosition, errPositionEpoch, errPositionLate)
	}
	if e.params.paged() {
		list = append(list, errCursor)
	}
	if e.op.Method == http.MethodPatch || e.op.Method == http.MethodPut {
		list = append(list, errMatch, errMatchOld)
	}
	return list
}

// Package rest is Parley's HTTP API.
//
// A Server runs every request through one pipeline: ids and trace, recover,
// bounds, security headers and CORS, then for the route that matches:
// authenticate, wait for the caller's position, may the caller see this,
// decode the body, do it, render. routes.go is the table of contents and says
// how to add a route; one file for each noun registers that noun's routes.
//
// Every answer goes through one renderer (envelope.go), every error through
// one table from fault kinds to statuses (faults.go). OpenAPI is generated
// from the same types that decode requests and encode answers.
//
// The package imports commands, readmodels and domain. It decides nothing: it
// reads the request, calls a command or a query, and writes what came back.
package rest

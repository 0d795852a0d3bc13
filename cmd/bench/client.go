package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// patience is how long a client waits for one answer.
const patience = 30 * time.Second

// client is one connection that stays open. It sends requests that were
// written beforehand and reads of the answers what is needed, so that the load
// costs little beside what is measured.
type client struct {
	conn     net.Conn
	in       *bufio.Reader
	body     []byte // of the newest answer
	position []byte // its Parley-Position, or empty
}

func dial(address string) (*client, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReader(conn)}, nil
}

func (c *client) close() { _ = c.conn.Close() }

// request is one of HTTP/1.1; more are whole header lines.
func request(method, path, token, body string, more ...string) []byte {
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nAccept: */*\r\nUser-Agent: parley-bench\r\n", method, path, token)
	if body != "" {
		b = fmt.Appendf(b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	for _, line := range more {
		b = append(append(b, line...), "\r\n"...)
	}
	return append(append(b, "\r\n"...), body...)
}

// call sends a request and reads its answer whole; an answer of another status
// than wanted is an error.
func (c *client) call(request []byte, want int) error {
	status, err := c.send(request)
	if err == nil && status != want {
		err = fmt.Errorf("answered %d where %d was due: %s", status, want, bytes.TrimSpace(c.body))
	}
	return err
}

func (c *client) send(request []byte) (status int, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return 0, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, fmt.Errorf("this is no answer: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, err
	}
	size, err := c.header()
	if err != nil {
		return 0, err
	}
	if cap(c.body) < size {
		c.body = make([]byte, size)
	}
	c.body = c.body[:size]
	_, err = io.ReadFull(c.in, c.body)
	return status, err
}

// header reads the header's lines and gives the size of the body.
func (c *client) header() (size int, err error) {
	c.position = c.position[:0]
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return size, nil
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "Content-Length":
			if size, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		case "Parley-Position":
			c.position = append(c.position, value...)
		case "Transfer-Encoding":
			return 0, fmt.Errorf("the size of this answer is not told")
		}
	}
}

package main

import (
	"bufio"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

func main() {
	protocol := flag.String("protocol", "", "subprotocols, separated by commas")
	flag.Parse()
	if err := run(*protocol, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "websocat:", err)
		os.Exit(1)
	}
}

func run(protocol, url string) error {
	conn, _, err := websocket.DefaultDialer.Dial(url, http.Header{"Sec-WebSocket-Protocol": {strings.ReplaceAll(protocol, ",", ", ")}})
	if err != nil {
		return err
	}
	defer conn.Close()
	ended := make(chan error, 1)
	go func() {
		for {
			_, frame, err := conn.ReadMessage()
			if websocket.IsCloseError(err, websocket.CloseNormalClosure) {
				err = nil
				ended <- err
				return
			}
			if err != nil {
				ended <- err
				return
			}
			fmt.Printf("%s\n", strings.TrimRight(string(frame), "\n"))
		}
	}()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := conn.WriteMessage(websocket.TextMessage, lines.Bytes()); err != nil {
			return err
		}
	}
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second)); err != nil {
		return err
	}
	return <-ended
}

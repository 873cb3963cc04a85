// As python.py: bodies from standard input, each behind its length in four bytes; a line for each with
// the calls that Go servers would execute. encoding/json takes keys in any case.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

type call struct {
	method string
	name   *string
}

type message struct {
	Method *string         `json:"method"`
	Params json.RawMessage `json:"params"`
}

type params struct {
	Name          any `json:"name"`
	URI           any `json:"uri"`
	TaskID        any `json:"taskId"`
	Ref           struct{ Type, Name, URI any }
	Notifications struct {
		ResourceSubscriptions []any `json:"resourceSubscriptions"`
	}
}

func text(value any) *string {
	switch value.(type) {
	case string, bool, float64, json.Number:
		text := fmt.Sprint(value)
		return &text
	}
	return nil
}

func typed(raw json.RawMessage) []call {
	var batch []json.RawMessage
	if json.Unmarshal(raw, &batch) == nil {
		var all []call
		for _, item := range batch {
			all = append(all, typed(item)...)
		}
		return all
	}
	var request message
	if json.Unmarshal(raw, &request) != nil || request.Method == nil {
		return nil
	}
	method := *request.Method
	var inner params
	// What does not fit is left out, as by a server that reads on.
	_ = json.Unmarshal(request.Params, &inner)
	one := func(value any) []call { return []call{{method, text(value)}} }
	switch method {
	case "tools/call", "prompts/get":
		return one(inner.Name)
	case "resources/read", "resources/subscribe", "resources/unsubscribe":
		return one(inner.URI)
	case "tasks/get", "tasks/result", "tasks/cancel", "tasks/update":
		return one(inner.TaskID)
	case "completion/complete":
		if text(inner.Ref.Type) != nil && *text(inner.Ref.Type) == "ref/resource" {
			return one(inner.Ref.URI)
		}
		return one(inner.Ref.Name)
	case "subscriptions/listen":
		var all []call
		for _, uri := range inner.Notifications.ResourceSubscriptions {
			all = append(all, call{method, text(uri)})
		}
		if all != nil {
			return all
		}
	}
	return []call{{method, nil}}
}

func whole(body []byte) []call {
	if !json.Valid(body) {
		return nil
	}
	return typed(body)
}

// documents reads one behind another, as json.Decoder does on a connection.
func documents(body []byte) []call {
	var all []call
	decoder := json.NewDecoder(bytes.NewReader(body))
	for {
		var raw json.RawMessage
		if decoder.Decode(&raw) != nil {
			return all
		}
		all = append(all, typed(raw)...)
	}
}

func untyped(value any) []call {
	switch value := value.(type) {
	case []any:
		var all []call
		for _, item := range value {
			all = append(all, untyped(item)...)
		}
		return all
	case map[string]any:
		method, found := value["method"].(string)
		if !found {
			return nil
		}
		inner, _ := value["params"].(map[string]any)
		switch method {
		case "tools/call", "prompts/get":
			return []call{{method, text(inner["name"])}}
		}
		return []call{{method, nil}}
	}
	return nil
}

func maps(body []byte) []call {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return nil
	}
	return untyped(value)
}

func main() {
	source := bufio.NewReaderSize(os.Stdin, 1<<20)
	sink := bufio.NewWriterSize(os.Stdout, 1<<20)
	defer sink.Flush()
	readers := map[string]func([]byte) []call{"struct": whole, "documents": documents, "map": maps}
	for {
		// Whoever waits for the answer to a single body gets it.
		if source.Buffered() == 0 {
			sink.Flush()
		}
		var length uint32
		if binary.Read(source, binary.BigEndian, &length) != nil {
			return
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(source, body); err != nil {
			return
		}
		var line []string
		for _, variant := range os.Args[1:] {
			for _, call := range readers[variant](body) {
				name := "-"
				if call.name != nil {
					name = hex.EncodeToString([]byte(*call.name))
				}
				line = append(line, variant+":"+hex.EncodeToString([]byte(call.method))+":"+name)
			}
		}
		fmt.Fprintln(sink, strings.Join(line, " "))
	}
}

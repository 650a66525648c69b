// cri calls one method of a container runtime's CRI socket, as the kubelet does:
//
//	cri SOCKET METHOD [REQUEST]
//
// REQUEST is the method's request as JSON in the field names of the CRI's
// api.proto; the response goes to stdout in the same form.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	_ "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const service = "runtime.v1.RuntimeService"

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: cri SOCKET METHOD [REQUEST]"))
	}
	request := "{}"
	if len(os.Args) > 3 {
		request = os.Args[3]
	}
	response, err := call(os.Args[1], os.Args[2], request)
	if err != nil {
		fail(err)
	}
	fmt.Println(response)
}

func call(socket, method, request string) (string, error) {
	in, out, err := messages(method)
	if err != nil {
		return "", err
	}
	if err := protojson.Unmarshal([]byte(request), in); err != nil {
		return "", fmt.Errorf("request of %s: %w", method, err)
	}
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := conn.Invoke(ctx, "/"+service+"/"+method, in, out); err != nil {
		return "", fmt.Errorf("%s: %w", method, err)
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(out)
	return string(text), err
}

// messages returns an empty request and an empty response of the method.
func messages(method string) (in, out proto.Message, err error) {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(service)
	if err != nil {
		return nil, nil, err
	}
	m := found.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(method))
	if m == nil {
		return nil, nil, fmt.Errorf("%s has no method %s", service, method)
	}
	if in, err = empty(m.Input()); err != nil {
		return nil, nil, err
	}
	out, err = empty(m.Output())
	return in, out, err
}

func empty(d protoreflect.MessageDescriptor) (proto.Message, error) {
	t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		return nil, err
	}
	return t.New().Interface(), nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

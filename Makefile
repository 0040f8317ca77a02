export CGO_ENABLED := 0

.PHONY: build test lint
build:
	go build -trimpath -o bin/holdfast ./cmd/holdfast

test:
	CGO_ENABLED=1 go test -race ./...

lint:
	test -z "$$(gofmt -l .)"
	go vet ./...
	staticcheck ./...

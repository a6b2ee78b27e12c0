# Parley. `make help` lists what there is.

GO ?= go
TOOLS := $(CURDIR)/bin/tools
RACE ?= $(shell command -v cc >/dev/null 2>&1 && echo -race)
PACKAGES ?= ./...

# Tools of the gate, pinned; each is built once into bin/tools under the name of its version.
GOLANGCI := $(TOOLS)/golangci-lint-v2.15.0
GOFUMPT := $(TOOLS)/gofumpt-v0.12.0
WORKFLOWCHECK := $(TOOLS)/workflowcheck-v0.6.0

.DEFAULT_GOAL := help
.PHONY: help run demo test unit bench check build lint format tidy tools clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## start everything under PARLEY_HOME (default .parley), until Ctrl-C
	@bin/parley run

demo: build ## play the demo against a running `make run`
	@bin/parley demo

test: build browser ## every test, beside a PostgreSQL and a Temporal of its own
	@PARLEY_TEST_STACK=1 bin/parley with-services -- $(GO) test $(RACE) -p 2 -timeout 50m $(PACKAGES)

.PHONY: browser
browser:
	@test/browser/prepare
	@test/peers/prepare

unit: ## the tests that need no server
	@$(GO) test $(PACKAGES)

bench: ## measure and print the table beside the targets
	@$(GO) run ./bench $(BENCH)

check: build lint ## the gate: build, vet, format, lint, workflows, house rules, go.mod
	$(GO) build ./...
	$(GO) vet ./...
	cd standalone && $(GO) vet ./...
	cd bench/parse && $(GO) vet ./...
	$(WORKFLOWCHECK) ./workflows/...
	$(GO) test ./test/house
	$(GO) mod tidy -diff
	cd standalone && $(GO) mod tidy -diff

# The linter leaves standalone/ to vet: it would type-check Temporal's server from source, minutes for five small files.
lint: $(GOLANGCI) $(GOFUMPT) $(WORKFLOWCHECK) ## format and lint
	@unformatted="$$(git ls-files -co --exclude-standard '*.go' | xargs ls 2>/dev/null | xargs $(GOFUMPT) -l)"; \
	if [ -n "$$unformatted" ]; then echo "not formatted (make format):"; echo "$$unformatted"; exit 1; fi
	$(GOLANGCI) run ./...

format: $(GOLANGCI) ## format all Go files
	$(GOLANGCI) fmt ./...
	cd standalone && $(GOLANGCI) fmt -c ../.golangci.yml ./...

tidy: ## tidy the modules
	$(GO) mod tidy
	cd standalone && $(GO) mod tidy
	cd bench/parse && $(GO) mod tidy

build: ## bin/parley
	@mkdir -p bin
	$(GO) build -o bin/parley ./cmd/parley

tools: $(GOLANGCI) $(GOFUMPT) $(WORKFLOWCHECK) ## the pinned tools of the gate

clean: ## remove what was built; keeps PARLEY_HOME
	rm -rf bin

$(GOLANGCI):
	$(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint)
$(GOFUMPT):
	$(call install,mvdan.cc/gofumpt)
$(WORKFLOWCHECK):
	$(call install,go.temporal.io/sdk/contrib/tools/workflowcheck)

# install builds a command of the version in the target's name.
define install
@echo "building $(@F)"
@mkdir -p $(TOOLS)
@GOBIN=$(TOOLS) GOFLAGS=-buildvcs=false $(GO) install $(1)@$(patsubst $(notdir $(1))-%,%,$(@F))
@mv $(TOOLS)/$(notdir $(1)) $@
endef

.PHONY: kills
kills: build ## the long form of the kill test: N kills (default 500); the verdict goes to bench/results/kills.txt
	@PARLEY_TEST_STACK=1 PARLEY_KILLS=$(or $(N),500) $(GO) test ./test -run TestNothingIsLostWhateverIsKilled -count=1 -timeout 45m -v

.PHONY: replies
replies: build ## the long form of the test of replies while Parley is killed: N replies (default 400), five kills; the verdict goes to bench/results/replies.txt
	@PARLEY_TEST_STACK=1 PARLEY_REPLIES=$(or $(N),400) $(GO) test ./test -run TestRepliesSurviveKills -count=1 -timeout 45m -v

.PHONY: owners
owners: build ## the long form of the test of owners: N operations (default 100000); verdicts go to bench/results/owners.txt
	@OWNERS=$(or $(N),100000) bin/parley with-services -- $(GO) test ./test/owners -count=1 -timeout 45m -v

.PHONY: assignments
assignments: build ## the long form of the test that nothing changes hands silently: N changes of owner (default 100000); the verdict goes to bench/results/assignments.txt
	@OWNER_CHANGES=$(or $(N),100000) bin/parley with-services -- $(GO) test ./test/dispatch -run TestEveryChangeOfOwnerHasACause -count=1 -timeout 45m -v

.PHONY: lists
lists: build ## the long form of the lists' plans: N stopped interactions (default 1000000) and a tenth of it open
	@bin/parley with-services -- env PARLEY_LIST_ROWS=$(or $(N),1000000) $(GO) test ./store -run TestAPageOfTheListReadsLittle -count=1 -timeout 30m -v

.PHONY: threads
threads: build ## the long form of the test of threads: N threads (default 1000) with five forged mails each
	@bin/parley with-services -- env PARLEY_THREADS=$(or $(N),1000) $(GO) test ./test/threads -run TestThreads -count=1 -timeout 45m -v

.PHONY: callbacks
callbacks: build ## the long form of the test of callbacks that are due at once: N of them (default 10000); the verdict goes to bench/results/callbacks.txt
	@CALLBACKS=$(or $(N),10000) bin/parley with-services -- $(GO) test ./test/dispatch -run TestManyCallbacksAreDueAtOnce -count=1 -timeout 45m -v

.PHONY: mailboxes
mailboxes: ## the long form of the IMAP test: N mails (default 10000) from a server that misbehaves; the verdict goes to bench/results/imap.txt
	@PARLEY_IMAP_MAILS=$(or $(N),10000) $(GO) test ./adapters/imap -run TestNothingIsLostWhateverTheServerDoes -count=1 -timeout 45m -v

.PHONY: texts
texts: build ## the long forms of the tests of short messages: N races for a session, receipts and faults of a link (default 10000); verdicts go to bench/results/texts.txt
	@PARLEY_RACES=$(or $(N),10000) PARLEY_RECEIPTS=$(or $(N),10000) PARLEY_PARTS=$$(( $(or $(N),10000) / 20 )) PARLEY_LINE_FAULTS=$$(( $(or $(N),10000) / 10 )) bin/parley with-services -- \
		$(GO) test ./store ./lib/smpp/session ./test/texts -run 'TestTwoMessagesStart|TestReceiptsFind|TestPartsAreJoined|TestNothingIsLostOnABadLink|TestPace|TestEveryPossibleRepeat' -count=1 -timeout 45m -v \
		| awk '/: [0-9]+ /{sub(/^ *[a-z_]+\.go:[0-9]+: /, ""); print} /^(--- FAIL|FAIL|ok)/{print}' | tee /dev/stderr | sed "s|^|$$(date -u +%F) |" >> bench/results/texts.txt

.PHONY: chats
chats: build ## the long form of the test of chats that are cut: N conversations (default 1000), 20 kills; the verdict goes to bench/results/chats.txt
	@PARLEY_TEST_STACK=1 PARLEY_CHATS=$(or $(N),1000) $(GO) test ./test -run TestChatsGoOnWhateverIsKilled -count=1 -timeout 45m -v

.PHONY: endings
endings: build ## the long form of the test of transcripts: N conversations (default 1000) that end in four ways, a kill for each hundred; the verdict goes to bench/results/endings.txt
	@PARLEY_TEST_STACK=1 PARLEY_ENDINGS=$(or $(N),1000) $(GO) test ./test -run TestTranscriptsAreKeptAndMailedOnce -count=1 -timeout 45m -v

.PHONY: parked
parked: ## measure N mails that wait for people (default 20000): disk, memory, CPU, claims, start; the table goes to bench/results
	@$(GO) run ./bench -rows j -parked $(or $(N),20000)

.PHONY: overload
overload: build ## the long form of the bench of overload: N seconds (default 600) of a crowd that never rests, beside as long at the peak and at half of it
	@$(GO) run ./bench -rows k3 -overload-seconds $(or $(N),600)

.PHONY: talks
talks: ## the long form of the bench of chats: N seconds (default 600) of 5,000 conversations, 500 messages a second, ten opened and ended a second
	@$(GO) run ./bench -rows chat -chats 5000 -chat-opens 10 -chat-seconds $(or $(N),600)

# Inputs are not made smaller while fuzzing: for each new one that takes up to a minute in which nothing else is tried, and inputs of many parts are all new at first.
.PHONY: fuzz
fuzz: ## every fuzz target of lib and adapters for N seconds (default 60); an input that fails is kept beside its test
	@for p in $$(grep -rl '^func Fuzz' --include=*_test.go lib adapters | xargs -n1 dirname | sort -u); do \
		for f in $$(grep -ho '^func Fuzz[A-Za-z0-9]*' $$p/*_test.go | cut -d' ' -f2); do \
			$(GO) test ./$$p -run '^$$' -fuzz "^$$f\$$" -fuzztime $(or $(N),60)s -fuzzminimizetime 0x || exit 1; \
		done; done

.PHONY: parse
parse: ## what reading a mail costs: beside enmime, and in instructions (needs valgrind); before a release. The line goes to bench/results/parse.txt
	@cd bench/parse && $(GO) build -o ../../bin/bench-parse .
	@bin/bench-parse

.PHONY: vectors
vectors: ## the long form of the test of cleaned HTML in a real browser: N mutations (default 100000)
	@PARLEY_TEST_STACK=1 PARLEY_VECTORS=$(or $(N),100000) $(GO) test ./lib/mail -run TestVectorsInABrowser -count=1 -timeout 45m -v

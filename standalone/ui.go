package main

import (
	"fmt"
	"os"

	"github.com/temporalio/ui-server/v2/server"
	"github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/server_options"
)

// startUI serves Temporal's Web UI on loopback and returns what stops it. It talks to nobody but the frontend: fetching
// news from the outside is off.
func startUI(opts options) (stop func()) {
	if opts.uiPort == 0 {
		return func() {}
	}
	ui := server.NewServer(server_options.WithConfigProvider(&config.Config{
		TemporalGRPCAddress: address(opts.frontendPort),
		Host:                loopback,
		Port:                opts.uiPort,
		EnableUI:            true,
		DefaultNamespace:    opts.namespace,
		DisableNewsFetch:    true,
		HideLogs:            true,
		CORS:                config.CORS{CookieInsecure: true}, // plain HTTP on loopback
	}))
	go func() {
		if err := ui.Start(); err != nil {
			fmt.Fprintln(os.Stderr, "parley-temporal: web ui:", err)
		}
	}()
	return ui.Stop
}

package main

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

const loopback = "127.0.0.1"

// Connections to PostgreSQL. Each of the four services keeps a pool per database, a quarter of it while idle.
const (
	mainConns       = 20
	visibilityConns = 8
	connLifetime    = time.Hour
)

func newLogger() log.Logger {
	return log.NewZapLogger(log.BuildZapLogger(log.Config{Stdout: true, Level: "warn"}))
}

// newServer sets up all four services in this process. They find one another by fixed addresses: one process needs no
// gossip, and a fresh start needs not wait for the last run's membership to time out.
func newServer(opts options, logger log.Logger) (temporal.Server, error) {
	services, hosts, err := services(opts.frontendPort)
	if err != nil {
		return nil, err
	}
	return temporal.NewServer(
		temporal.WithConfig(serverConfig(opts, services)),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithDynamicConfigClient(dynamicConfig()),
		temporal.WithCustomMetricsHandler(metrics.NoopMetricsHandler),
		temporal.WithLogger(logger),
	)
}

func serverConfig(opts options, services map[string]config.Service) *config.Config {
	const active = "active"
	frontend := address(opts.frontendPort)
	return &config.Config{
		Global: config.Global{
			Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: loopback},
		},
		Persistence: config.Persistence{
			DefaultStore:     mainDatabase,
			VisibilityStore:  visibilityDatabase,
			NumHistoryShards: int32(opts.shards),
			DataStores: map[string]config.DataStore{
				mainDatabase:       {SQL: sqlConfig(opts, mainDatabase, mainConns)},
				visibilityDatabase: {SQL: sqlConfig(opts, visibilityDatabase, visibilityConns)},
			},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        active,
			CurrentClusterName:       active,
			ClusterInformation: map[string]cluster.ClusterInformation{
				active: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services:            services,
		PublicClient:        config.PublicClient{HostPort: frontend},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchival{State: config.ArchivalDisabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{
			Archival: config.ArchivalNamespaceDefaults{
				History:    config.HistoryArchivalNamespaceDefaults{State: config.ArchivalDisabled},
				Visibility: config.VisibilityArchivalNamespaceDefaults{State: config.ArchivalDisabled},
			},
		},
	}
}

// services gives every service a port: the frontend the one that clients know, the others any free one.
func services(frontendPort int) (map[string]config.Service, map[primitives.ServiceName]static.Hosts, error) {
	services := map[string]config.Service{}
	hosts := map[primitives.ServiceName]static.Hosts{}
	for _, name := range []primitives.ServiceName{
		primitives.FrontendService, primitives.HistoryService, primitives.MatchingService, primitives.WorkerService,
	} {
		port := frontendPort
		if name != primitives.FrontendService {
			var err error
			if port, err = freePort(); err != nil {
				return nil, nil, err
			}
		}
		services[string(name)] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnLocalHost: true}}
		hosts[name] = static.SingleLocalHost(address(port))
	}
	return services, hosts, nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", address(0))
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

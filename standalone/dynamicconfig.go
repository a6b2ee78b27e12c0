package main

import (
	"time"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/server/common/dynamicconfig"
)

// noLimit is a rate that one box never reaches: the machine is the limit here, not a quota.
const noLimit = 1_000_000

// dynamicConfig tunes a server that was made for clusters to one process with one namespace.
func dynamicConfig() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		// The first workflow task comes back with the start: one round trip less for each interaction.
		dynamicconfig.EnableEagerWorkflowStart.Key(): true,

		// A workflow task that has failed some times gets longer and longer to finish, up to ten minutes: its workflow stands still for so
		// long when its worker dies over it. Ours either answer within seconds or are dead.
		dynamicconfig.WorkflowTaskRetryMaxInterval.Key(): 5 * time.Second,

		// Quotas. Their defaults shield a shared cluster from one tenant.
		dynamicconfig.FrontendRPS.Key():                                         noLimit,
		dynamicconfig.FrontendMaxNamespaceRPSPerInstance.Key():                  noLimit,
		dynamicconfig.FrontendMaxConcurrentLongRunningRequestsPerInstance.Key(): noLimit,
		dynamicconfig.FrontendPersistenceMaxQPS.Key():                           noLimit,
		dynamicconfig.HistoryRPS.Key():                                          noLimit,
		dynamicconfig.HistoryPersistenceMaxQPS.Key():                            noLimit,
		dynamicconfig.MatchingRPS.Key():                                         noLimit,
		dynamicconfig.MatchingPersistenceMaxQPS.Key():                           noLimit,

		// One partition a task queue: more only help when several matching hosts share it, and tasks have to be
		// forwarded between them.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,

		// Caches by bytes instead of by entries, so that parked workflows do not grow the process.
		dynamicconfig.HistoryCacheSizeBasedLimit.Key():        true,
		dynamicconfig.HistoryCacheHostLevelMaxSizeBytes.Key(): 48 << 20,
		dynamicconfig.EnableHostLevelEventsCache.Key():        true,
		dynamicconfig.EventsHostLevelCacheMaxSizeBytes.Key():  16 << 20,

		// Background workers of the server itself: few pollers, and no workers for what Parley does not use
		// (schedules; child workflows to be closed in bulk).
		dynamicconfig.EnableParentClosePolicyWorker.Key():                 false,
		dynamicconfig.WorkerScannerMaxConcurrentWorkflowTaskPollers.Key(): 2, // the SDK refuses 1
		dynamicconfig.WorkerScannerMaxConcurrentActivityTaskPollers.Key(): 1,
		dynamicconfig.WorkerPerNamespaceWorkerOptions.Key(): worker.Options{
			MaxConcurrentWorkflowTaskPollers: 2,
			MaxConcurrentActivityTaskPollers: 1,
		},
		dynamicconfig.TimerProcessorSchedulerWorkerCount.Key():      64,
		dynamicconfig.TransferProcessorSchedulerWorkerCount.Key():   64,
		dynamicconfig.VisibilityProcessorSchedulerWorkerCount.Key(): 64,
	}
}

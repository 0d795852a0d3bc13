package app

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/process"
	"github.com/parleyhq/parley/readmodels"
	"github.com/parleyhq/parley/transport/rest"
)

// makeProjections makes what keeps the read models up with the log, in the
// role projector, and what hears of it in the others.
func (a *App) makeProjections(ctx context.Context) error {
	if !a.serves("api", "push", "projector") {
		return nil
	}
	if a.stack.Announcements != nil {
		a.hub = projections.NewHub(projections.HubConfig{
			Announcements: a.stack.Announcements, RetryMin: a.cfg.RetryFirst, RetryMax: a.cfg.RetryLongest, Log: a.log,
		})
		a.run(a.hub.Run)
	}
	var err error
	a.requests, err = projections.NewRequests(ctx, projections.RequestsConfig{
		DB: a.stack.State, NewID: newID, Now: now, Every: a.cfg.DueEvery,
		RetryMin: a.cfg.RetryFirst, RetryMax: a.cfg.RetryLongest, Log: a.log,
	})
	if err != nil {
		return err
	}
	if err := a.makeTables(); err != nil {
		return err
	}
	a.makeSearch()
	return nil
}

// follow hears how far the leader of a projection has come.
func (a *App) follow(projection, family string) *projections.Follower {
	f := projections.NewFollower(projections.FollowerConfig{
		Projection: projection, Family: family, Store: a.stack.Store, Hub: a.hub,
		RetryMin: a.cfg.RetryFirst, RetryMax: a.cfg.RetryLongest, Log: a.log,
	})
	a.run(f.Run)
	return f
}

// makeSearch makes what keeps the search index up with the log, in the role
// projector, and what hears of it in the others.
func (a *App) makeSearch() {
	if !a.serves("projector") {
		a.search = a.follow(rest.Search, projections.SearchFamily(a.epoch))
		return
	}
	cfg := indexerConfig(a.cfg)
	cfg.Store, cfg.Engine, cfg.Tables, cfg.Reads = a.stack.Store, a.stack.Search, a.tables, a.reads
	cfg.Epoch = func(context.Context) (uuid.UUID, error) { return a.epoch, nil }
	cfg.Leases, cfg.Hub, cfg.Requests, cfg.Log = a.stack.Leases, a.hub, a.requests, a.log
	if a.hub != nil {
		cfg.State = a.stack.State
	}
	indexer := projections.NewIndexer(cfg)
	a.search = indexer
	a.run(indexer.Run)
}

func (a *App) makeTables() error {
	projector := projections.Tables(Feeds(a.cfg))
	family := projector.Family(a.stack.Codec.Catalogue(), a.epoch)
	a.generations = a.stack.Generations(family)
	a.reads = readmodels.NewTables(a.generations)
	if !a.serves("projector") {
		a.tables = a.follow(rest.Tables, family)
		return nil
	}
	cfg := runnerConfig(a.cfg)
	cfg.Projector, cfg.Store, cfg.Codec, cfg.Generations = projector, a.stack.Store, a.stack.Codec, a.generations
	cfg.Epoch = func(context.Context) (uuid.UUID, error) { return a.epoch, nil }
	cfg.Leases, cfg.Hub, cfg.Requests, cfg.Log = a.stack.Leases, a.hub, a.requests, a.log
	runner, err := projections.NewRunner(cfg)
	if err != nil {
		return err
	}
	a.tables = runner
	a.run(runner.Run)
	return nil
}

// makeNotify makes what tells people of what happened, in the role projector,
// and what hears of it in the others.
func (a *App) makeNotify(ctx context.Context) error {
	if !a.serves("projector") {
		if a.serves("api") {
			told := process.NewFollower(a.stack.Store, a.hub)
			a.notify, a.told = told, told
		}
		return nil
	}
	checkpoint, err := process.NewStateCheckpoint(ctx, a.stack.State, rest.Notify)
	if err != nil {
		return err
	}
	notify := process.NewNotify(process.NotifyConfig{
		Store: a.stack.Store, Codec: a.stack.Codec, Commands: a.commands, Tables: a.tables, Reads: a.reads,
		Checkpoint: checkpoint, Leases: a.stack.Leases, Hub: a.hub, State: a.stack.State,
		Now: now, Log: a.log, RetryMin: a.cfg.RetryFirst, RetryMax: a.cfg.RetryLongest,
	})
	a.notify, a.told = notify, notify
	a.run(notify.Run)
	return nil
}

// makeImages makes what removes pictures that nothing names, in the role
// projector.
func (a *App) makeImages(ctx context.Context) error {
	if !a.serves("projector") {
		return nil
	}
	checkpoint, err := process.NewStateCheckpoint(ctx, a.stack.State, process.ImagesName)
	if err != nil {
		return err
	}
	a.run(process.NewImages(process.ImagesConfig{
		Store: a.stack.Store, Codec: a.stack.Codec, Commands: a.commands, Reads: a.reads, Checkpoint: checkpoint,
		Leases: a.stack.Leases, Keep: a.cfg.ImageKeep, Now: now, Log: a.log, RetryMin: a.cfg.RetryFirst, RetryMax: a.cfg.RetryLongest,
	}).Run)
	return nil
}

// makeDue makes what publishes scheduled posts, in the role projector.
func (a *App) makeDue(context.Context) error {
	if a.serves("projector") {
		a.run(process.NewDue(process.DueConfig{
			Commands: a.commands, Reads: a.reads, Leases: a.stack.Leases, Every: a.cfg.DueEvery, Now: now, Log: a.log,
			RetryMin: a.cfg.RetryFirst, RetryMax: a.cfg.RetryLongest,
		}).Run)
	}
	return nil
}

-- The first schema. Ids are UUIDs of version 7: they sort by time, so tables that only grow are
-- partitioned by month of the interaction's (or inbound thing's) id, their primary keys need no extra
-- column, and a look-up by id reads one partition. There are no foreign keys into partitioned tables:
-- retention drops whole months.

-- ---------------------------------------------------------------- who works here, and where things go

create table groups (
	name text primary key,
	title text not null default ''
);

create table calendars (
	name text primary key,
	definition jsonb not null
);

create table queues (
	name text primary key,
	title text not null default '',
	group_name text not null references groups,
	priority int not null default 0,
	choice text not null default 'longest_idle' check (choice in ('longest_idle', 'least_loaded', 'best_skill')),
	ageing_seconds int not null default 0,       -- of waiting that count as one step of priority; 0: priority goes before any age
	service_weight int not null default 0,       -- percent: how far the deadline decides a place in line, instead of the age
	missed_offers int not null default 3,        -- in a row make an agent not ready
	objective_seconds int not null default 0,    -- service objective, of open time; 0: none
	calendar text references calendars,          -- null: the entry point's, or all hours
	overflow text references queues,             -- gets what nobody took within route_seconds
	chain jsonb not null default '[]',           -- of routing targets; empty: anybody of the group
	review_percent int not null default 100 check (review_percent between 0 and 100),
	route_seconds int not null default 43200,    -- routing time-out, 12 h
	handle_seconds int not null default 10800,   -- handling time-out, 180 min
	offer_seconds int not null default 30,
	service_seconds int not null default 3600,   -- what waits longer for somebody was not in time (service level)
	push boolean not null default false          -- offered by the dispatcher; otherwise pulled only
);

create table surveys (                           -- what customers are asked when an interaction is over
	name text primary key,
	title text not null default '',
	definition jsonb not null
);

create table entry_points (
	name text primary key,
	channel text not null,
	address text not null,
	enabled boolean not null default true,
	workflow text not null,
	queue text not null references queues,
	from_name text not null default '',
	language text not null default 'en',
	calendar text references calendars,
	survey text references surveys,              -- null: nobody is asked
	chat jsonb,                                  -- policies of a chat's entry point; null: the defaults
	sms jsonb,                                   -- policies of short messages; null: the defaults
	callback jsonb,                              -- policies of a callback's entry point; null: the defaults
	joins boolean not null default false         -- what arrives here joins the contact's open interaction, whatever channel that is of
);
create unique index entry_points_address on entry_points (channel, lower(address));

create table agents (
	id uuid primary key,
	login text not null constraint agents_login unique,
	name text not null,
	email text not null default '',
	role text not null check (role in ('agent', 'senior', 'supervisor', 'designer', 'admin')),
	enabled boolean not null default true,
	password text,                               -- argon2id, encoded; null: no local sign-in
	limits jsonb not null default '{"email": 3, "total": 10}',
	capacity jsonb not null default '{}',        -- weights and rules across classes, beside the limits
	load jsonb not null default '{}',            -- changed only together with the task it counts
	load_total int not null default 0 check (load_total >= 0),
	ready boolean not null default false,
	reason text not null default '',
	since timestamptz not null default now(),
	away jsonb not null default '{}',            -- classes of tasks that he is not ready for, each with reason and since
	missed int not null default 0,
	version bigint not null default 1
) with (fillfactor = 50);

create table agent_groups (
	agent_id uuid not null references agents,
	group_name text not null references groups,
	primary key (agent_id, group_name)
);
create index agent_groups_group on agent_groups (group_name);

create table agent_skills (
	agent_id uuid not null references agents,
	skill text not null,
	level int not null check (level between 1 and 10),
	primary key (agent_id, skill)
);

create table tokens (
	hash bytea primary key,                      -- SHA-256; the token itself is never kept
	id uuid not null constraint tokens_id unique,
	agent_id uuid not null references agents,
	kind text not null check (kind in ('api', 'session')),
	label text not null default '',
	created_at timestamptz not null default now(),
	expires_at timestamptz,
	revoked_at timestamptz
);
create index tokens_agent on tokens (agent_id);

create table settings (                          -- small things the house needs once: signing keys, applied configuration
	name text primary key,
	value jsonb not null
);

-- ---------------------------------------------------------------- what arrives

create table source_keys (                       -- the same thing accepted twice is one
	key bytea primary key,
	inbound_id uuid not null
);

create table inbound (
	id uuid primary key,
	channel text not null,
	entry_point text not null,
	address text not null default '',
	facts jsonb not null default '{}',
	raw_id uuid not null,
	size bigint not null,
	identity bytea not null,
	state text not null default 'new' check (state in ('new', 'done')),
	attempts int not null default 0,             -- that nobody came back from
	taken_at timestamptz,                        -- by an intake, the last time
	interaction_id uuid,
	message_number bigint
) partition by range (id);
create index inbound_new on inbound (id) where state = 'new';
create index inbound_interaction on inbound (interaction_id) where interaction_id is not null;
create index inbound_loose on inbound (id) where state = 'done' and interaction_id is null; -- belongs to no message, as a part that came twice
create index inbound_tried on inbound (taken_at) where state = 'new' and attempts > 0;

create table raw_pieces (
	raw_id uuid not null,
	number int not null,
	data bytea not null,
	primary key (raw_id, number)
) partition by range (raw_id);
alter table raw_pieces alter column data set storage external; -- mail is mostly base64: compressing costs more than it saves

create table uploads (
	id uuid primary key,
	agent_id uuid,                               -- null: a customer's, of the session
	session_id uuid,                             -- of a chat that it belongs to
	name text not null,
	type text not null,
	size bigint not null,
	sha256 text not null,
	data bytea not null
) partition by range (id);
create index uploads_session on uploads (session_id) where session_id is not null;
alter table uploads alter column data set storage external;

-- ---------------------------------------------------------------- long messages that arrive in parts

create table part_groups (                       -- one message each; a finished one is kept for a while, for parts that come again
	id uuid primary key,
	entry_point text not null,
	key bytea not null,                          -- SHA-256 of what its parts share; it is used again for other messages
	total int not null,
	state text not null default 'open' check (state in ('open', 'joined', 'given_up')),
	differs boolean not null default false,      -- a part came twice with different words
	opened_at timestamptz not null default clock_timestamp(),
	joined_at timestamptz
);
create index part_groups_key on part_groups (entry_point, key, id);
create index part_groups_open on part_groups (opened_at) where state = 'open';
create index part_groups_old on part_groups (joined_at) where state <> 'open';

create table parts (
	group_id uuid not null references part_groups on delete cascade,
	number int not null,
	inbound_id uuid not null,
	sum bytea not null,
	primary key (group_id, number)
);

-- ---------------------------------------------------------------- contacts and threads

create table contacts (
	id uuid primary key,
	name text not null default '',
	created_at timestamptz not null default now(),
	erased_at timestamptz,
	merged_into uuid,                            -- the contact that this one was found to be
	no_surveys boolean not null default false,   -- he does not want to be asked
	version bigint not null default 1
);

create table contact_attributes (
	kind text not null,
	value text not null,
	contact_id uuid not null references contacts,
	failed_at timestamptz,                       -- mail to it bounced for good; null again once its owner writes
	failed_why text not null default '',
	primary key (kind, value)
);
create index contact_attributes_contact on contact_attributes (contact_id);

create table contact_merges (                    -- what was moved, so that it can go back
	id uuid primary key,
	kept uuid not null,
	merged uuid not null,
	name text not null default '',
	agent_id uuid not null,
	at timestamptz not null default now(),
	undone_at timestamptz,
	undone_by uuid,
	threads uuid[] not null,
	interactions uuid[] not null,
	notes uuid[] not null,
	attributes jsonb not null default '[]',
	no_surveys boolean not null default false    -- the kept one wants no surveys because the merged one did not
);
create index contact_merges_kept on contact_merges (kept, id);
create index contact_merges_merged on contact_merges (merged);

create table threads (
	id uuid primary key,
	contact_id uuid not null,
	entry_point text not null,
	last_agent uuid,
	last_interaction uuid,
	expert_for uuid                              -- with somebody outside, about this interaction: his answers go there
);
create index threads_expert on threads (expert_for) where expert_for is not null;

create table mail_ids (                          -- every Message-ID ever received or sent
	hash bytea not null,                         -- SHA-256: ids can hold addresses
	thread_id uuid not null,
	interaction_id uuid not null,
	message_number bigint not null,
	primary key (hash, interaction_id, message_number)
);
create index mail_ids_interaction on mail_ids (interaction_id);

create table carrier_ids (                       -- what carriers call the messages that they took, and what they said of them since
	entry_point text not null,
	hash bytea not null,                         -- SHA-256 of the carrier's name for it
	interaction_id uuid,                         -- null: a word on a message that is not known yet
	message_number bigint,
	state text not null default 'pending' check (state in ('pending', 'delivered', 'read', 'failed')),
	code text not null default '',
	at timestamptz,
	heard_at timestamptz not null default now(),
	primary key (entry_point, hash)
);
create index carrier_ids_interaction on carrier_ids (interaction_id);

create table consents (                          -- who may not be written to; asked in the transaction that queues a send, and in the one that begins it
	channel text not null,
	address text not null,                       -- as messages name it: E.164 for numbers
	out boolean not null,
	word text not null default '',
	source text not null,                        -- customer, agent, import
	since timestamptz not null default now(),
	primary key (channel, address)
);

-- ---------------------------------------------------------------- interactions: the open ones are few and hot

create table interactions (
	id uuid primary key,
	thread_id uuid not null,
	contact_id uuid not null,
	parent_id uuid,
	channel text not null,
	entry_point text not null,
	queue text not null,
	direction text not null check (direction in ('in', 'out')),
	subject text not null default '',
	state text not null check (state in ('received', 'automatic', 'waiting', 'on_hold', 'sending')),
	language text not null default '',
	category text not null default '',
	confidence real not null default 0,
	suggested uuid[] not null default '{}',      -- standard responses that may answer it, best first
	priority int not null default 0,
	data jsonb not null default '{}',
	last_agent uuid,
	workflow text not null,
	kit int not null,
	opened_at timestamptz not null default now(),
	messages bigint not null default 0,          -- numbers given to messages
	news bigint not null default 0,              -- numbers given to outbox rows
	version bigint not null default 1
) with (fillfactor = 70);
create index interactions_thread on interactions (thread_id);
create index interactions_contact on interactions (contact_id);
create index interactions_queue on interactions (queue, id);
create index interactions_priority on interactions (priority, id);
create index interactions_category on interactions (category, id);

create table closed_interactions (
	id uuid primary key,
	thread_id uuid not null,
	contact_id uuid not null,
	parent_id uuid,
	channel text not null,
	entry_point text not null,
	queue text not null,
	direction text not null,
	subject text not null default '',
	language text not null,
	category text not null,
	confidence real not null,
	priority int not null,
	data jsonb not null default '{}',
	last_agent uuid,
	workflow text not null,
	kit int not null,
	opened_at timestamptz not null,
	messages bigint not null,
	news bigint not null,
	version bigint not null,
	stopped_at timestamptz not null default now(),
	reason text not null,
	gone text not null default '' check (gone in ('', 'retention', 'erased')) -- why what was said in it is not there any more
) partition by range (id);
create index closed_interactions_thread on closed_interactions (thread_id);
create index closed_interactions_contact on closed_interactions (contact_id, id);
create index closed_interactions_stopped on closed_interactions (channel, stopped_at, id); -- in the order in which retention comes to them
create index closed_interactions_queue on closed_interactions (queue, id);
create index closed_interactions_priority on closed_interactions (priority, id);
create index closed_interactions_category on closed_interactions (category, id);
create index closed_interactions_fields on closed_interactions (category, queue, channel, language, entry_point, priority, last_agent); -- filters of several fields end here

create view all_interactions as
	select id, thread_id, contact_id, parent_id, channel, entry_point, queue, direction, subject, state, language, category,
		confidence, priority, data, last_agent, opened_at, null::timestamptz as stopped_at, '' as reason, messages, version, '' as gone
	from interactions
	union all
	select id, thread_id, contact_id, parent_id, channel, entry_point, queue, direction, subject, 'stopped', language, category,
		confidence, priority, data, last_agent, opened_at, stopped_at, reason, messages, version, gone
	from closed_interactions;

create table messages (
	interaction_id uuid not null,
	number bigint not null,
	kind text not null check (kind in ('in', 'reply', 'auto', 'note', 'transcript', 'survey')),
	at timestamptz not null default now(),
	author uuid,
	sender jsonb not null default '{}',
	reply_to jsonb not null default '{}',
	recipients jsonb not null default '[]',
	copies jsonb not null default '[]',
	subject text not null default '',
	body text not null default '',
	html text not null default '',
	reply_body text not null default '',
	message_id text not null default '',
	in_reply_to text not null default '',
	refs text[] not null default '{}',
	inbound_id uuid,
	attachments jsonb not null default '[]',
	headers jsonb not null default '[]',
	problems text[] not null default '{}',
	machine text not null default '',
	entry_point text not null default '',        -- it came in or goes out by; empty: the interaction's
	auth jsonb not null default '{}',            -- how the checks of a mail's sender went: spf, dkim, dmarc, arc
	visibility text not null default '' check (visibility in ('', 'public', 'unlisted', 'private')),
	withdrawn boolean not null default false,    -- its author took it back: what it says is kept and not shown
	response_id uuid,                            -- the standard response that an automatic mail says: no longer good, it does not go
	response_version bigint,
	primary key (interaction_id, number)
) partition by range (interaction_id);

create table steps (                             -- what a workflow's step did: run again, it finds its result here
	interaction_id uuid not null,
	step text not null,
	result jsonb not null,
	primary key (interaction_id, step)
) partition by range (interaction_id);

create table outbox (
	interaction_id uuid not null,
	number bigint not null,
	news jsonb not null,
	created_at timestamptz not null default now(),
	sent_at timestamptz,
	primary key (interaction_id, number)
) partition by range (interaction_id);
create index outbox_unsent on outbox (interaction_id, number) where sent_at is null;

create table ledger (
	interaction_id uuid not null,
	key text not null,
	message_number bigint not null,
	state text not null check (state in ('queued', 'in_flight', 'sent', 'not_sent', 'unknown', 'cancelled')),
	attempt uuid,
	attempts int not null default 0,
	confirms boolean not null default false,     -- the confirmation of an opt-out: it goes although its customer has opted out
	repeat boolean not null default false,       -- a flagged repeat of an unknown one, with the same Message-ID
	code text not null default '',
	answer text not null default '',             -- what the other side said; may be personal
	queued_at timestamptz not null default now(),
	begun_at timestamptz,
	ended_at timestamptz,
	primary key (interaction_id, key)
) partition by range (interaction_id);
create index ledger_leaving on ledger (queued_at) where state in ('queued', 'in_flight', 'unknown');

create table automatic_mail (                    -- the counted loop guard: one row an automatic mail
	contact_id uuid not null,
	thread_id uuid not null,
	interaction_id uuid not null,
	step text not null,
	at timestamptz not null default now(),
	transcript boolean not null default false,   -- of a chat: bounded apart from the others
	usage text not null default '',              -- of the standard response, where it was one
	answers bigint not null default 0,           -- the customer's message that it answers
	primary key (interaction_id, step)
);
create index automatic_mail_contact on automatic_mail (contact_id, at);

-- ---------------------------------------------------------------- tasks: open ones are few and hot

-- Whether a task's open links name only groups, so that the queue's own group cannot claim it: the links up to the step and up to the first that names no agent.
create function only_groups(kind text, chain jsonb, step int, group_name text) returns boolean language sql immutable as $$
	select kind <> 'consult' and group_name <> '' and chain <> '[]' and not exists (
		select 1 from jsonb_array_elements(chain) with ordinality c (link, n)
		where link->>'kind' in ('skill', 'queue') and n <= greatest(step + 1, (
			select min(f.n) from jsonb_array_elements(chain) with ordinality f (link, n) where f.link->>'kind' not in ('agent', 'last_agent'))))
$$;

create table tasks (
	id uuid primary key,
	interaction_id uuid not null,
	kind text not null check (kind in ('handle', 'review', 'consult', 'settle', 'callback')),
	step text not null,
	channel text not null,
	class text not null,                         -- what it counts as in an agent's load: the channel, or the kind when it is not to handle
	state text not null check (state in ('queued', 'offered', 'held', 'snoozed', 'suspended')),
	queue text not null,
	skill text not null default '',
	level int not null default 0,
	group_name text not null default '',
	chain jsonb not null default '[]',
	chain_step int not null default 0,
	chain_since timestamptz not null default now(),
	shut boolean not null generated always as (only_groups(kind, chain, chain_step, group_name)) stored,
	priority int not null default 0,
	place bigint not null,                       -- in line, lower first: place_of, kept by a trigger
	opened_at timestamptz not null default now(),
	due_at timestamptz,                          -- by the service objective
	route_until timestamptz,                     -- routing time-out; null: it is over, or there is no overflow
	not_before timestamptz,
	suspended_at timestamptz,                    -- since when its interaction is on hold: deadlines stand still
	agent_id uuid,
	reserved_for uuid,
	reserved_until timestamptz,
	offer_until timestamptz,
	handle_until timestamptz,
	refused uuid[] not null default '{}',
	author uuid,
	parent_id uuid,
	message_number bigint not null default 0,
	note text not null default '',
	mode text not null default '',               -- of an invitation into a chat: how who takes it takes part
	cycles int not null default 0,
	transfers int not null default 0,
	wakes boolean not null default true,         -- a snoozed one is woken by the customer's answer too
	marks bigint[] not null default '{}',        -- where the audit stood when the last 100 versions came, the newest last
	version bigint not null default 1
) with (fillfactor = 70);
create index tasks_interaction on tasks (interaction_id);
create index tasks_agent on tasks (agent_id) where agent_id is not null;
create index tasks_queued on tasks (queue, skill, place, id) where state = 'queued';
create index tasks_reserved on tasks (reserved_for) where reserved_for is not null;
create index tasks_chats on tasks (id) where state = 'queued' and channel = 'chat'; -- whether there are any, which every claim of the next task asks
create index tasks_group on tasks (group_name, place, id) where state = 'queued' and group_name <> '';
create index tasks_routing on tasks (route_until) where state = 'queued' and route_until is not null;
create index tasks_clock on tasks (offer_until) where state = 'offered';
create index tasks_handling on tasks (handle_until) where state = 'held';
create index tasks_snoozed on tasks (not_before) where state = 'snoozed';

-- ---------------------------------------------------------------- who is first, who has room: the same as package routing says

-- A task's place in line, lower first. It does not depend on the present, so a line is sorted once.
create function place_of(opened timestamptz, due timestamptz, priority int, ageing_seconds int, service_weight int) returns bigint language sql immutable as $$
	select (extract(epoch from opened) * 1000000)::bigint
		- least(greatest(priority, -1000), 1000)::bigint * coalesce(nullif(ageing_seconds, 0), 315360000) * 1000000
		+ service_weight::bigint * least(greatest((extract(epoch from coalesce(due, opened + interval '24 hours') - opened) * 1000000)::bigint, 0), 315360000000000) / 100
$$;

create function place_task() returns trigger language plpgsql as $$
declare
	q queues;
begin
	select * into q from queues where name = new.queue;
	new.place := place_of(new.opened_at, new.due_at, new.priority, q.ageing_seconds, q.service_weight);
	if tg_op = 'INSERT' or new.queue <> old.queue then
		new.route_until := case when new.kind in ('handle', 'callback') and q.overflow is not null
			then greatest(now(), new.not_before) + make_interval(secs => q.route_seconds) end;
	end if;
	return new;
end $$;
create trigger place before insert or update of priority, opened_at, due_at, queue on tasks for each row execute function place_task();

-- Whether an agent with weights or rules of capacity may have one more task of the class; the limit of the class itself is looked at elsewhere.
create function within_capacity(load jsonb, limits jsonb, capacity jsonb, class text) returns boolean language sql immutable as $$
	select (coalesce((capacity->'weights'->>class)::int, 1) = 0
			or (select coalesce(sum(n::bigint * coalesce((capacity->'weights'->>c)::int, 1)), 0) from jsonb_each_text(load) as l (c, n))
				+ coalesce((capacity->'weights'->>class)::int, 1) <= coalesce((limits->>'total')::int, 10))
		and not exists (
			select 1 from jsonb_array_elements(coalesce(capacity->'rules', '[]')) as r
			where r->>'no' in (class, 'any')
				and not exists (select 1 from jsonb_each_text(r->'while') as w (c, n) where coalesce((load->>c)::int, 0) < n::int))
$$;

create table closed_tasks (
	id uuid not null,
	interaction_id uuid not null,
	kind text not null,
	step text not null,
	channel text not null,
	class text not null,
	state text not null check (state in ('done', 'withdrawn')),
	queue text not null,
	skill text not null,
	level int not null,
	priority int not null,
	opened_at timestamptz not null,
	closed_at timestamptz not null default now(),
	agent_id uuid,
	author uuid,
	parent_id uuid,
	message_number bigint not null,
	note text not null default '',
	answer text not null default '',             -- of a consult
	disposition text not null default '',
	cycles int not null,
	transfers int not null,
	version bigint not null,
	primary key (interaction_id, id)
) partition by range (interaction_id);
create index closed_tasks_id on closed_tasks (id);
create index closed_tasks_agent on closed_tasks (agent_id, interaction_id);

create table drafts (
	task_id uuid primary key,
	author uuid not null,
	subject text not null default '',
	body text not null default '',
	html text not null default '',
	attachments jsonb not null default '[]',
	answers uuid[] not null default '{}',        -- consults whose answers were joined to it
	saved_at timestamptz not null default now(),
	version bigint not null default 1
);

-- ---------------------------------------------------------------- chat

create table chat_sessions (                     -- changed with every message: what changes stands in no index but due_at, which moves seldom
	interaction_id uuid primary key,
	entry_point text not null,
	contact_id uuid not null,
	token bytea,                                 -- SHA-256 of the customer's secret; null: revoked
	nickname text not null default '',
	language text not null default '',
	page text not null default '',
	peer text not null default '',
	async boolean not null default false,
	opened_at timestamptz not null default now(),
	last bigint not null default 0,              -- number of the newest message, given under this row's lock
	asking jsonb,                                -- the question that is open
	sleeping boolean not null default false,     -- its task was put away: the customer's next word wakes it
	active_at timestamptz not null default now(), -- last word of customer or agent
	alerts int not null default 0,               -- since then
	alerted_at timestamptz,
	due_at timestamptz,                          -- when the clock looks next; null: nobody is to answer
	files int not null default 0,
	file_bytes bigint not null default 0,
	read_to bigint not null default 0,           -- by the customer
	transcript text,                             -- address; null: was not asked
	claims jsonb not null default '[]',           -- identities of other contacts that the customer says are his: kind and value
	ended_at timestamptz,
	ended_by text not null default '',
	outside boolean not null default false       -- its customer writes and is written to by text: see short_sessions
) partition by range (interaction_id);
create index chat_sessions_due on chat_sessions (due_at) where due_at is not null;

create table chat_messages (
	session_id uuid not null,
	number bigint not null,
	at timestamptz not null,
	role text not null check (role in ('customer', 'agent', 'supervisor', 'system')),
	agent_id uuid,
	name text not null default '',
	kind text not null,
	body text not null default '',
	file jsonb,
	choices text[] not null default '{}',
	client_id text not null default '',
	internal boolean not null default false,
	primary key (session_id, number)
) partition by range (session_id);
create unique index chat_messages_client on chat_messages (session_id, client_id, role, agent_id) nulls not distinct where client_id <> '';

create table chat_participants (                 -- agents and supervisors; changed under the session's lock
	session_id uuid not null,
	agent_id uuid not null,
	role text not null check (role in ('agent', 'supervisor')),
	name text not null,
	mode text not null check (mode in ('full', 'coach', 'silent')),
	task_id uuid,                                -- that he comes and goes with
	joined_at timestamptz not null default now(),
	left_at timestamptz,
	read_to bigint not null default 0,
	primary key (session_id, agent_id)
) partition by range (session_id);
create index chat_participants_agent on chat_participants (agent_id) where left_at is null;

-- ---------------------------------------------------------------- sessions of short messages: chats with somebody who writes by text

create table short_sessions (                    -- the newest session of a pair of numbers
	entry_point text not null,
	number text not null,
	session_id uuid not null,
	since timestamptz not null default now(),
	primary key (entry_point, number)
);
create index short_sessions_session on short_sessions (session_id);

create table session_sends (                     -- what was said to such a customer, with what became of it; as the ledger is to messages
	session_id uuid not null,
	number bigint not null,
	state text not null check (state in ('queued', 'in_flight', 'sent', 'not_sent', 'unknown')),
	attempt uuid,
	code text not null default '',
	begun_at timestamptz,
	primary key (session_id, number)
);
create index session_sends_open on session_sends (session_id, number) where state in ('queued', 'in_flight');

-- ---------------------------------------------------------------- surveys

create table survey_asks (                       -- one an interaction at most; its answers come once
	interaction_id uuid primary key,
	survey text not null,
	contact_id uuid not null,
	agent_id uuid,                               -- who spoke with the customer last
	mailed boolean not null,                     -- otherwise shown in a chat's window
	asked_at timestamptz not null default now(),
	until timestamptz not null,                  -- no answers behind it
	sheet jsonb not null,                        -- the questions as they were asked
	answered_at timestamptz,
	answers jsonb not null default '{}',         -- may be personal: erasure empties it
	score real                                   -- 0 to 100
) partition by range (interaction_id);
create index survey_asks_contact on survey_asks (contact_id, asked_at);

-- ---------------------------------------------------------------- callbacks

create table callbacks (                         -- requests to be called; locked behind their interaction and its tasks
	interaction_id uuid primary key,
	entry_point text not null,
	phone text not null default '',              -- E.164; empty: erased
	extension text not null default '',
	email text not null default '',
	name text not null default '',
	mode text not null check (mode in ('now', 'free', 'slot')),
	zone text not null default 'UTC',            -- the customer's
	local text not null default '',              -- a slot's time on his wall: it stays when the zone's rules change
	slot_at timestamptz,
	due_at timestamptz not null,
	expires_at timestamptz not null,
	state text not null default 'waiting' check (state in ('waiting', 'done', 'failed', 'cancelled', 'expired')),
	outcome text not null default '',            -- last disposition
	tries int not null default 0,
	most int not null,                           -- tries
	task_id uuid,                                -- of the try that is open
	message_number bigint not null default 0,    -- of what told a customer whom nobody reached
	dial_id uuid,
	dialled_at timestamptz,
	dial_state text not null default '' check (dial_state in ('', 'dialling', 'ok', 'failed', 'unknown')),
	booked_at timestamptz not null default now(),
	ended_at timestamptz,
	requests bytea[] not null default '{}',      -- hashes of what was asked for, first this one, then what was merged into it: a key sent again with something else is refused
	version bigint not null default 1
) partition by range (interaction_id);
create index callbacks_due on callbacks (due_at, interaction_id);
create index callbacks_walls on callbacks (slot_at) where state = 'waiting' and local <> '';

create table callback_numbers (                  -- of each number the callback that waits
	entry_point text not null,
	phone text not null,
	interaction_id uuid not null,
	primary key (entry_point, phone)
);

create table callback_slots (                    -- how many callbacks are booked in each slot; locked in the order of their times, behind the callback
	entry_point text not null,
	at timestamptz not null,
	taken int not null,
	primary key (entry_point, at)
);

-- ---------------------------------------------------------------- understanding

create table categories (
	name text primary key,
	title text not null default '',
	skill text not null default '',
	queue text references queues,
	auto_threshold real not null default 0.85,
	route_threshold real not null default 0.5
);

create table rules (
	name text primary key,
	position int not null,
	enabled boolean not null default true,
	language text not null default '',
	entry_point text not null default '',
	definition jsonb not null,
	version bigint not null default 1
);

-- ---------------------------------------------------------------- standard responses

create table library_files (                     -- files of responses, by what is in them; they stay while any version names them
	id uuid primary key,
	sha256 text not null constraint library_files_sha256 unique,
	type text not null,
	size bigint not null,
	data bytea not null
);
alter table library_files alter column data set storage external;

create table responses (                         -- changed under the lock of the configuration only
	id uuid primary key,
	name text not null constraint responses_name unique,
	category text not null default '',
	language text not null,
	usage text not null check (usage in ('acknowledgement', 'auto_response', 'suggestion', 'snippet')),
	state text not null default 'draft' check (state in ('draft', 'approved', 'active')),
	starts timestamptz,
	expires timestamptz,
	subject text not null default '',
	body text not null,
	html text not null default '',
	files jsonb not null default '[]',
	version bigint not null default 1,           -- of what it says
	changes bigint not null default 1            -- of anything, its state included
);
create index responses_category on responses (category, language, usage);
create unique index responses_active on responses (category, language, usage) where state = 'active';

create table response_versions (                 -- what each version said; kept when the response is gone, since mails name it
	response_id uuid not null,
	version bigint not null,
	at timestamptz not null default now(),
	author uuid,                                 -- null: files, or the system
	approver uuid,
	approved_at timestamptz,
	name text not null,
	category text not null,
	language text not null,
	usage text not null,
	starts timestamptz,
	expires timestamptz,
	subject text not null,
	body text not null,
	html text not null,
	files jsonb not null,
	primary key (response_id, version)
);

-- ---------------------------------------------------------------- what agents may say, and notes

create table reasons (                           -- for not being ready
	name text primary key,
	title text not null default ''
);

create table dispositions (                      -- how a task may end
	name text primary key,
	title text not null default '',
	queues text[] not null default '{}',         -- empty: all
	channels text[] not null default '{}'
);

create table notes (
	id uuid primary key,
	contact_id uuid not null,
	interaction_id uuid,
	author uuid not null,
	body text not null
);
create index notes_contact on notes (contact_id, id);
create index notes_interaction on notes (interaction_id, id) where interaction_id is not null;

-- ---------------------------------------------------------------- review

create table forms (
	name text primary key,
	title text not null default '',
	questions jsonb not null
);

create table review_policies (
	name text primary key,
	queue text constraint review_policies_queue references queues,
	category text constraint review_policies_category references categories,
	skill text not null default '',
	agent text constraint review_policies_agent references agents (login),
	floor int not null,
	ceiling int not null,
	start int not null,
	rise int not null,
	fall int not null,
	clean_run int not null,
	form text constraint review_policies_form references forms,
	deadline_seconds int not null,
	objective_percent int not null,
	overdue text not null default '',
	escalate_to text constraint review_policies_group references groups
);

create table review_rates (                      -- how often each author is reviewed, once it differs from where it starts
	policy text not null references review_policies on delete cascade,
	agent_id uuid not null references agents,
	rate int not null,
	clean int not null,
	reason text not null,
	since timestamptz not null default now(),
	primary key (policy, agent_id)
);

create table open_reviews (                      -- goes with its task
	task_id uuid primary key references tasks on delete cascade,
	policy text not null default '',             -- empty: the queue's own rate
	rate int not null,
	reason text not null,
	number int not null,
	form text not null default '',
	seconds int not null default 0,              -- that a reviewer has
	overdue text not null default '',
	escalate_to text not null default '',
	opened_at timestamptz not null default now(),
	due_at timestamptz,
	passed int not null default 0                -- deadlines
);
create index open_reviews_due on open_reviews (due_at) where due_at is not null;

create table review_results (
	interaction_id uuid not null,
	task_id uuid not null,
	message_number bigint not null,
	author uuid,
	reviewer uuid,                               -- null: the deadline
	queue text not null,
	category text not null,
	verdict text not null check (verdict in ('approved', 'returned', 'stopped', 'released')),
	edited boolean not null,
	cycles int not null,
	seconds real not null,
	policy text not null,
	form text not null default '',
	answers jsonb not null default '{}',
	score real,
	at timestamptz not null default now(),
	primary key (interaction_id, task_id)
) partition by range (interaction_id);
create index review_results_author on review_results (author, at);
create index review_results_reviewer on review_results (reviewer, at);

-- ---------------------------------------------------------------- models

create table models (
	id uuid primary key,
	name text not null,                          -- "category" or "language" and the language it is for
	language text not null,
	created_at timestamptz not null default now(),
	active boolean not null default false,
	activated_at timestamptz,                    -- for the last time: rolling back goes to the one before
	training_id uuid,
	report jsonb not null default '{}',
	data bytea not null
);
create unique index models_active on models (name, language) where active;

-- ---------------------------------------------------------------- training: what is learned from, and how it goes

create table text_sets (                         -- uploaded labelled texts
	name text primary key,
	language text not null,
	texts jsonb not null,
	size int not null,
	at timestamptz not null default now()
);

create table labels (                            -- what people said of a message's category; the text stays with the message, so that erasing that erases it here
	interaction_id uuid not null,
	message_number bigint not null,
	source text not null check (source in ('agent', 'supervisor', 'rejected', 'answered')),
	category text not null default '',
	wrong text not null default '',
	agent_id uuid,
	at timestamptz not null default now(),
	primary key (interaction_id, message_number, source)
);
create index labels_at on labels (at);

create table rejected_suggestions (              -- responses that an agent has said do not fit an interaction
	interaction_id uuid not null,
	response_id uuid not null,
	agent_id uuid not null,
	at timestamptz not null default now(),
	primary key (interaction_id, response_id)
);

create table trainings (
	id uuid primary key,
	language text not null,
	profile text not null,
	sets text[] not null default '{}',
	labels boolean not null default false,
	handled boolean not null default false,
	state text not null default 'queued' check (state in ('queued', 'gathered', 'judged', 'done', 'failed', 'cancelled')),
	texts jsonb,                                 -- put down when it begins, emptied when it is over
	size int not null default 0,
	report jsonb not null default '{}',
	done int not null default 0,
	parts int not null default 0,
	reason text not null default '',
	model_id uuid,
	agent_id uuid,
	at timestamptz not null default now(),
	ended_at timestamptz
);
create index trainings_open on trainings (at) where state in ('queued', 'gathered', 'judged');

-- ---------------------------------------------------------------- drift: how models did, told once a week

create table drift_weeks (
	week timestamptz not null,                   -- its Monday, UTC
	language text not null,
	messages bigint not null,
	unsure bigint not null,
	confidence float8 not null,
	corrected bigint not null,
	rejected bigint not null,
	answered bigint not null,
	answered_back bigint not null,
	shift float8 not null,                       -- negative: there was nothing before
	worse text[] not null,                       -- in what it was worse than the weeks before
	primary key (language, week)
);

-- ---------------------------------------------------------------- audit, and requests that may be repeated

create sequence event_position;
create table events (
	position bigint not null default nextval('event_position'),
	xid xid8 not null default pg_current_xact_id(),
	at timestamptz not null default now(),
	code text not null,
	actor uuid,
	interaction_id uuid,
	task_id uuid,
	queue text not null default '',
	from_state text not null default '',
	to_state text not null default '',
	data jsonb not null default '{}',
	values_hash bytea,                           -- salted hash of its row of event_values, where it has one
	primary key (at, position)
) partition by range (at);
create index events_stream on events (xid, position);
create index events_interaction on events (interaction_id, position) where interaction_id is not null;
create index events_chat_joined on events (queue, at) where code = 'chat.joined';
create index events_understood on events (at) where code = 'interaction.understood'; -- how often rules hit
create index events_responses on events (at) where code in ('answer.written', 'response.used'); -- what responses are used for
create index events_actor on events (actor, at, position) where actor is not null;

create table event_values (                      -- personal before and after: erasure empties it, the chain of events stays whole
	position bigint primary key,
	interaction_id uuid,
	salt bytea,
	before jsonb,
	after jsonb,
	erased boolean not null default false
);
create index event_values_interaction on event_values (interaction_id) where interaction_id is not null;

create table seals (                             -- the audit's chain: each seals the events behind those of the one before
	number bigint primary key,
	xid xid8 not null,                           -- of the last event that it covers
	position bigint not null,
	events bigint not null,
	at timestamptz not null,
	hash bytea not null                          -- over the seal before, this row and its events
);

create table webhooks (                          -- who hears of events, and how far he has been told
	name text primary key,
	url text not null check (url ~ '^https?://[^/]'),
	events text[] not null default '{}',         -- codes or prefixes with *; empty: all
	enabled boolean not null default true,
	secret bytea not null,
	old_secret bytea,                            -- signs as well until old_until
	old_until timestamptz,
	cursor text not null,                        -- place in the stream of events
	epoch bigint not null default 0,             -- of the lease: who lost it moves nothing
	leased_until timestamptz,
	next_at timestamptz not null default now(),
	failing_since timestamptz,
	attempts int not null default 0,
	answer text not null default ''
);

create table links (                             -- accounts and lines at carriers, and who works on each
	name text primary key,
	kind text not null,
	entry_point text not null references entry_points,
	enabled boolean not null default true,
	settings jsonb not null default '{}',
	secret text not null default '',             -- where it is, never what it is
	version bigint not null default 1,           -- of the settings: who works on it begins anew with them
	holder text,
	epoch bigint not null default 0,             -- of the lease: who lost it moves nothing
	leased_until timestamptz,
	position jsonb,                              -- how far it was worked through, in the adapter's own form
	state text not null default 'idle' check (state in ('idle', 'up', 'away', 'fault')),
	detail text not null default '',
	state_at timestamptz not null default now()
);

create table requests (                          -- Idempotency-Key: the first answer, given again
	actor uuid not null,
	key text not null,
	hash bytea not null,
	answer jsonb,
	at timestamptz not null default now(),
	primary key (actor, key)
);
create index requests_at on requests (at);

-- Marks where the audit stands when a task gets a new version, so that who wrote against an old one can be told what changed since. Every
-- change of a task has its audit line behind it in the same transaction, under the task's row lock.
create function mark_version() returns trigger language plpgsql as $$
begin
	new.marks := old.marks[greatest(cardinality(old.marks) - 98, 1):] || (select last_value from event_position);
	return new;
end $$;
create trigger tasks_version before update of version on tasks for each row when (new.version > old.version) execute function mark_version();

-- ---------------------------------------------------------------- selections: one order on many interactions

create table selections (
	id uuid primary key,
	agent_id uuid not null references agents,    -- who gave the order; it is carried out by his rights of the moment
	command jsonb not null,
	undo_of uuid references selections,
	state text not null check (state in ('checking', 'checked', 'running', 'done', 'cancelled')),
	reason text not null default '',             -- why it was cancelled, as a code
	per_second real not null check (per_second > 0),
	next_at timestamptz not null default now(),  -- no item before this moment
	created_at timestamptz not null default now(),
	begun_at timestamptz,
	ended_at timestamptz,
	total int not null,
	planned int not null default 0,              -- of them, by the state of the items
	refused int not null default 0,
	done int not null default 0,
	version bigint not null default 1
);
create index selections_due on selections (next_at) where state in ('checking', 'running');
create index selections_agent on selections (agent_id, id);

create table selection_items (
	selection_id uuid not null references selections on delete cascade,
	number int not null,
	interaction_id uuid not null,
	command jsonb,                               -- its own order where it differs: undoing puts each back to what it was
	expected bigint not null default 0,          -- only at this version of the interaction; 0: at any
	state text not null default 'unchecked' check (state in ('unchecked', 'planned', 'refused', 'done')),
	refusal jsonb,
	changes jsonb not null default '[]',
	undo jsonb,                                  -- the order that takes it back; may hold attached data: erasure empties it
	version_after bigint not null default 0,
	at timestamptz,
	primary key (selection_id, number)
);
create index selection_items_todo on selection_items (selection_id, number) where state in ('unchecked', 'planned');
create index selection_items_interaction on selection_items (interaction_id);

-- ---------------------------------------------------------------- statistics: kept by one reader of the audit, behind the transactions

create table followers (                         -- how far a background part has read the audit
	name text primary key,
	xid xid8 not null default '0',
	position bigint not null default 0
);
insert into followers (name) values ('statistics');

create table facts (                             -- what reports add up: one row for each thing that counts
	at timestamptz not null,
	what text not null,
	queue text not null,
	channel text not null,
	category text not null,
	agent uuid,
	interaction_id uuid not null,
	seconds real not null default 0,             -- waited, held, or until the answer
	flag boolean not null default false          -- taken: in time; answered, stopped: by the machine; reviewed: returned
) partition by range (at);
create index facts_at on facts (at);

create table hourly (                            -- the same as sums, for real-time figures; the hour 'epoch' holds them since the beginning
	hour timestamptz not null,
	queue text not null,
	channel text not null,
	what text not null,
	count bigint not null,
	flagged bigint not null,
	seconds double precision not null,
	primary key (queue, hour, channel, what)
);

create table live_interactions (                 -- what the statistics know of each open interaction
	id uuid primary key,
	inbound boolean not null,
	received_at timestamptz not null,
	offered_at timestamptz,
	taken boolean not null default false,
	answered boolean not null default false,
	automatic boolean not null default false,
	acknowledgements bigint[] not null default '{}', -- numbers of messages
	automatics bigint[] not null default '{}'
);

create table live_tasks (                        -- and of each open task, as it is counted in live_queues
	id uuid primary key,
	interaction_id uuid not null,
	kind text not null,
	queue text not null,
	channel text not null,
	state text not null,                         -- empty: it is over, and its last line is yet to be read
	opened_at timestamptz not null,
	agent uuid,                                  -- who holds it
	held_at timestamptz
);
create index live_tasks_interaction on live_tasks (interaction_id);
create index live_tasks_oldest on live_tasks (queue, channel, opened_at) where state = 'queued' and kind in ('handle', 'callback');

create table live_queues (
	queue text not null,
	channel text not null,
	kind text not null,
	state text not null,
	tasks int not null,
	primary key (queue, channel, kind, state)
);

create table live_agents (
	id uuid primary key,
	groups text[] not null,
	state text not null                          -- ready, or why not
);

create table live_states (
	group_name text not null,                    -- empty: everybody
	state text not null,
	agents int not null,
	primary key (group_name, state)
);

-- ---------------------------------------------------------------- privacy: who was erased, for how long things are kept, what was exported

create table erasures (                          -- orders to erase a person, and how far they have come; they name nobody
	id uuid primary key,
	contact_id uuid not null constraint erasures_contact unique,
	contacts uuid[] not null,                    -- he, and those that were merged into him
	agent_id uuid,                               -- who ordered it; null: retention, or the ledger behind a restored backup
	reason text not null,
	state text not null check (state in ('stopping', 'erasing', 'done')),
	xid xid8 not null default pg_current_xact_id(), -- of the order: what began before it may still add something
	addresses text[] not null default '{}',      -- that he was known by, for as long as he is being erased
	experts uuid[] not null default '{}',        -- threads with people outside about his interactions
	erased int not null default 0,               -- interactions
	ordered int not null default 0,              -- how often his open interactions were told to stop
	ordered_at timestamptz,                      -- the last time
	next_at timestamptz not null default now(),
	at timestamptz not null default now(),
	ended_at timestamptz
);
create index erasures_due on erasures (next_at) where state <> 'done';

create table retention_rules (
	name text primary key,
	kind text not null check (kind in ('raw', 'files', 'content', 'contacts')),
	channel text not null default '',            -- empty: all that have no rule of their own
	days int not null check (days > 0),
	constraint retention_rules_once unique (kind, channel)
);

create table retention_positions (               -- how far each kind has been worked through, in the order in which interactions stopped
	kind text not null,
	channel text not null,
	stopped_at timestamptz not null default '-infinity',
	id uuid not null default '00000000-0000-0000-0000-000000000000',
	next_at timestamptz not null default now(),  -- of the next round, where it goes round
	primary key (kind, channel)
);

create table exports (                           -- archives of all that is held on a contact; they go after a week, and with him
	id uuid primary key,
	contact_id uuid not null,
	agent_id uuid not null,
	state text not null check (state in ('waiting', 'writing', 'ready', 'failed', 'expired')),
	attempt int not null default 0,              -- each writes pieces of its own
	taken_at timestamptz,                        -- by who writes; renewed with each piece
	size bigint not null default 0,
	sha256 text not null default '',
	at timestamptz not null default now(),
	ready_at timestamptz
);
create index exports_open on exports (id) where state in ('waiting', 'writing');
create index exports_ready on exports (ready_at) where state in ('ready', 'failed');
create index exports_contact on exports (contact_id);

create table export_pieces (
	export_id uuid not null references exports on delete cascade,
	attempt int not null,
	number int not null,
	data bytea not null,
	primary key (export_id, attempt, number)
);
alter table export_pieces alter column data set storage external; -- it is compressed already

-- What an address is called in the consent register once its owner was erased: he is still not written to, and nobody can read who he is.
insert into settings (name, value) values ('erased_addresses', to_jsonb(gen_random_uuid()::text || gen_random_uuid()::text));
create function erased_address(address text) returns text language sql stable as $$
	select 'erased:' || encode(sha256(convert_to((select value #>> '{}' from settings where name = 'erased_addresses') || address, 'UTF8')), 'hex')
$$;

-- Whether somebody may not be written to, by the register of consent. A web form is answered by mail, and mail knows no capitals.
create function opted_out(by text, whom text) returns boolean language sql stable as $$
	select exists (select 1 from consents c where c.out and c.channel = case by when 'webform' then 'email' else by end
		and c.address in (whom, lower(whom), erased_address(whom), erased_address(lower(whom))))
$$;

-- ---------------------------------------------------------------- months

-- Makes the partitions of the month of "from" and of "ahead" months behind it. Idempotent; run at start and daily.
create function make_months(from_time timestamptz, ahead int) returns void language plpgsql as $$
declare
	by_id constant text[] := array['inbound', 'raw_pieces', 'uploads', 'closed_interactions', 'messages', 'steps', 'outbox', 'ledger', 'closed_tasks', 'review_results',
		'chat_sessions', 'chat_messages', 'chat_participants', 'survey_asks', 'callbacks'];
	by_time constant text[] := array['events', 'facts'];
	month timestamptz;
	parent text;
	name text;
begin
	perform pg_advisory_xact_lock(7016996765293437281);
	for n in 0..ahead loop
		month := date_trunc('month', from_time at time zone 'UTC') at time zone 'UTC' + make_interval(months => n);
		foreach parent in array by_id loop
			name := parent || '_' || to_char(month at time zone 'UTC', 'YYYYMM');
			if to_regclass(name) is null then
				execute format('create table %I partition of %I for values from (%L) to (%L)', name, parent,
					uuid_at(month), uuid_at((month at time zone 'UTC' + interval '1 month') at time zone 'UTC'));
			end if;
		end loop;
		foreach parent in array by_time loop
			name := parent || '_' || to_char(month at time zone 'UTC', 'YYYYMM');
			if to_regclass(name) is null then
				execute format('create table %I partition of %I for values from (%L) to (%L)', name, parent, month,
					(month at time zone 'UTC' + interval '1 month') at time zone 'UTC');
			end if;
		end loop;
	end loop;
end $$;

-- The lowest id of version 7 that can be made at this moment.
create function uuid_at(at timestamptz) returns uuid language sql immutable as $$
	select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;

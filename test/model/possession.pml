/*
 * Who has a task: the state machine of interaction/state.go as the store runs it, with everything that can go wrong between two of its transactions.
 *
 * Three agents, two tasks, room for one task each. Every atomic block that changes a task is one transaction of the store; the word behind "by" is the command or
 * event that causes it, and a test holds these words and states against the table in Go. What goes wrong:
 *
 *   - a request is lost, or the process dies before its commit: nothing happened, as if it had not been asked
 *   - its answer is lost, or the process dies behind its commit: the client asks again under the same key
 *   - two dispatchers lead at the same time and choose by what they remember
 *   - agents vanish: an offer or a task is taken back at any moment
 *   - the relay dies between handing news to the workflow and removing it from the outbox
 *
 * Promised in every state: a task has one owner, an agent's load is what he has and never above his room, one request has one effect, and a workflow acts once
 * on a task that is done.
 *
 * The planted faults (-DBLIND_OFFER and so on) show that the checker would find what it looks for.
 */

#define AGENTS 3
#define TASKS  2
#define ROOM   1
#define NOBODY AGENTS

mtype = { queued, offered, held, done };
mtype = { nothing, claim, accept, decline, release, complete };

mtype state[TASKS] = queued;
byte owner[TASKS] = NOBODY;  /* who has it or is offered it */
byte load[AGENTS];

bool outbox[TASKS];          /* news that it is done */
bool known[TASKS];           /* the workflow has numbered this news */
byte acted[TASKS];           /* how often the workflow went on because of it */

inline promised() {
	assert(load[0] <= ROOM && load[1] <= ROOM && load[2] <= ROOM);
	assert(load[0] == (owner[0] == 0) + (owner[1] == 0));
	assert(load[1] == (owner[0] == 1) + (owner[1] == 1));
	assert(load[2] == (owner[0] == 2) + (owner[1] == 2));
	assert((state[0] == offered || state[0] == held) == (owner[0] != NOBODY));
	assert((state[1] == offered || state[1] == held) == (owner[1] != NOBODY))
}

inline take(t, a, to) {
	state[t] = to; owner[t] = a; load[a]++
}

inline leave(t, to) {
	load[owner[t]]--; owner[t] = NOBODY; state[t] = to
}

/* What the store does with a request: one transaction, on the condition that it may. */
inline answer(a) {
	if
	:: ask == claim && state[t] == queued && load[a] < ROOM ->
		effect(); take(t, a, held)                          /* by task.claimed queued held */
	:: ask == accept && state[t] == offered && owner[t] == a ->
		effect(); state[t] = held                           /* by task.accepted offered held */
	:: ask == decline && state[t] == offered && owner[t] == a ->
		effect(); leave(t, queued)                          /* by task.declined offered queued */
	:: ask == release && state[t] == held && owner[t] == a ->
		effect(); leave(t, queued)                          /* by task.released held queued */
	:: ask == complete && state[t] == held && owner[t] == a ->
		effect(); leave(t, done); outbox[t] = true          /* by task.done held done */
	:: else ->
		if :: !done_once -> ask = nothing; t = 0 :: else fi
	fi;
	promised()
}

inline effect() {
	assert(!done_once);
	done_once = true
}

/*
 * An agent asks for something, under a key, until he has an answer. One that never arrived changed nothing; the answer of one that did is kept with the effect,
 * and whoever asks again is given it. A refusal changes nothing: it is as if nothing was asked.
 */
proctype Agent(byte a) {
	mtype ask = nothing;
	byte t = 0;
	bool done_once = false;

	do
	:: ask == nothing -> atomic {
		if :: ask = claim :: ask = accept :: ask = decline :: ask = release :: ask = complete fi;
		if :: t = 0 :: t = 1 fi;
		answer(a)
	}
	:: ask != nothing -> atomic {                   /* the answer was lost: he asks again */
#ifdef FORGET_ANSWER
		answer(a)
#else
		skip
#endif
	}
	:: ask != nothing -> atomic { ask = nothing; t = 0; done_once = false }  /* the answer arrives */
	od
}

/* Two dispatchers: each chooses by what it remembers, and its commit looks again. */
proctype Dispatcher() {
	byte t = 0, a = 0;

	do
	:: atomic {
		if :: state[0] == queued -> t = 0 :: state[1] == queued -> t = 1 fi;
		if :: a = 0 :: a = 1 :: a = 2 fi
	   }
	   atomic {
#ifdef BLIND_OFFER
		take(t, a, offered);
#else
		if
		:: state[t] == queued && load[a] < ROOM -> take(t, a, offered)  /* by task.offered queued offered */
		:: else
		fi;
#endif
		promised();
		t = 0; a = 0
	   }
	od
}

/* The clock of task t takes back what nobody answers or ends. */
proctype Clock(byte t) {
	do
	:: atomic { state[t] == offered ->
#ifdef KEEP_LOAD
		owner[t] = NOBODY; state[t] = queued;
#else
		leave(t, queued);                               /* by task.missed offered queued */
#endif
		promised() }
	:: atomic { state[t] == held -> leave(t, queued); promised() }  /* by task.taken_back held queued */
	od
}

/* The relay hands news over and then removes it; it may die in between. The workflow goes on once for each number. */
proctype Relay(byte t) {
	do
	:: atomic { outbox[t] ->
#ifndef COUNT_TWICE
		if :: !known[t] -> acted[t]++ :: else fi;
#else
		if :: acted[t] < 2 -> acted[t]++ :: else fi;
#endif
		known[t] = true; assert(acted[t] <= 1) }
		if
		:: outbox[t] = false
		:: skip                                     /* it dies: the news is handed over again */
		fi
	od
}

init {
	atomic {
		run Agent(0); run Agent(1); run Agent(2);
		run Dispatcher(); run Dispatcher();
		run Clock(0); run Clock(1);
		run Relay(0); run Relay(1)
	}
}

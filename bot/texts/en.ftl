### All that the bot says. Values in braces are put in as they are; *, _ and ` are Slack's mrkdwn.
### Kept: names of options and commands (/watch, log=), CONTINUE | WAIT | STOP, FINAL_SUMMARY: they are typed and searched for.

## How a watch stands (one word or two, beside a sign)

look-new = First look
look-healthy = Healthy
look-close = Watching closely
look-recovered = Recovered
look-blind = Cannot see it
look-wants-stop = Wants to stop
look-stopping = Stopping
look-stopped = Stopped
look-finished = Finished
look-ended = Ended
look-paused = Paused

## People

nobody = nobody
automatic-mode = automatic mode
at-the-terminal = { $name } at the terminal
# @ana, @bo or @cy
either = { $some } or { $last }
and-more = { $some } and { $count } more

## Card

card-next-check = next check { $when }
card-proven = (proven { $when })
card-since = since { $when }
card-done = done { $when }
card-round = round { $number }
card-stops-itself = stops by itself
card-asks = asks before stopping
card-watched = watched by { $who } since { $when }
card-check-now = Check now
card-pause = Pause
card-resume = Resume
card-edit = Edit
card-why = Why?
card-to-ask = Ask before stopping
card-to-auto = Stop by itself
card-end = End this watch
card-snooze = Snooze for 2 h
card-wake = End the snooze
card-quiet = quiet until { $when }

## Below the link of a run

link-watch = Watch this run
link-unwatched = { $run } is not watched.

## Report of a round

report-head = *Decision: { $decision }* · { $when } · round { $number }
report-metrics = Recent metrics
report-anomalies = Anomalies
report-reason = Reason
report-next = Next check
report-ending = ending
report-no-picture = No picture this time: { $why }
report-none = none
report-source = Data source: { $source }
report-run = Run: { $run }
report-evidence = Evidence: { $evidence }
report-picture-untitled = Loss
outcome-look = Somebody must look: { $people }
works-again = I can post in { $channel } again. Reports of the meantime were not posted; the cards show how the runs stand.
was-deaf = For { $seconds } seconds nothing came from Slack, although the connection was open. I have opened a new one: press again what was pressed in vain.
status-was-deaf = Between { $begun } and { $over } nothing came from Slack: press again what was pressed in vain.
undeliverable = Could not be said in { $channel } ({ $error }):

## What keeps something from being said (told to the operator, in a report without its picture, and in the log)

slack-asks-to-wait = Slack asks to wait
slack-silent = Slack does not answer: { $kind }
slack-answers = Slack answers { $status }
slack-no-json = Slack answered with something that is no JSON
slack-refuses = Slack refuses: { $code }
slack-refuses-form = Slack refuses the message: { $code }
slack-no-address = There is no address of Slack's to answer to
slack-lacks-scope = The bot's token lacks a scope: { $scope }
slack-some-scope = one that it needs
slack-lacks-scope-todo = Reinstall the app from manifest.yml; trainwatch doctor names what is missing
slack-lets-nobody-in = Slack lets us in no more: { $code }
slack-lets-nobody-in-todo = Check the tokens
gone-not-found = there is no such channel, or I was removed from it: { $code }
gone-archived = the channel is archived: { $code }
gone-not-in-it = I am not in that channel, invite me: { $code }
gone-not-allowed = I may not post there: { $code }
gone-no-thread = the thread is gone: { $code }
gone-thread-locked = the thread is locked: { $code }
gone-no-message = the message cannot be edited any more: { $code }
picture-not-shown = Slack took the picture and did not show it
report-not-there = The report does not stand there

## What happened while it was quiet

catchup-head = *While it was quiet* · { $run }
catchup-looks = { $looks ->
    [one] one check, { $when }
   *[other] { $looks } checks, { $since } to { $until }
 }
catchup-calm = Nothing happened.
catchup-more = and { $count } more, see: why
catchup-title = While it was quiet: { $run }. { $what }

## The question "Stop it?"

question-head = *I would stop* { $run }
question-head-automatic = *I stop* { $run } *at { $when }* unless somebody objects
question-fallback = Stop { $run }? { $saw }
question-hidden = It cannot be approved here: not all of the command can be shown. Stop it on the host.
question-job = Job: { $job }
question-no-job = unknown, only a stop command is known
question-host = Host: { $host }
question-command = Command: { $command }   (then wait { $wait } at most)
question-then = Then: { $command }   (then wait { $wait } at most)
question-proof = Proof: { $proof }
question-no-proof = none, the outcome will be unverified
question-about = request { $request } · fingerprint { $fingerprint }
question-evidence = evidence { $path }
question-valid-until = valid until { $when }
question-valid-for = valid for { $duration }
question-seen = numbers of { $when }; I look again before anything is run
question-can-approve = { $count ->
    [one] Can approve: { $people }
   *[other] Can approve ({ $count } of them must): { $people }
 }
question-put-off = { $who } asked me at { $when } to ask again: it is still so.
question-can-object = Can object: { $people }, and whoever watches it
question-approve = Approve Stop
question-keep = Keep running
question-later = Ask again in 2 h
question-explain = Explain
question-confirm = Stop this training?
question-confirm-unknown = unknown
question-confirm-command = Command: { $command }
question-confirm-yes = Stop it
question-confirm-no = Not now

## How it came out (one line in place of the buttons)

came-approved = Approved by { $who } · stopping…
came-executing = Approved by { $who } · stop sent, checking…
came-stopped = Approved by { $who } · ⏹️ { $gone }{ $detail }
came-gone = gone
came-gone-at = gone at { $when }
came-failed = Approved by { $who } · 🚨 *NOT stopped*, the job still runs{ $detail }.{ $left } Nothing else was tried.
came-unknown = Approved by { $who } · 🚨 *unverified*, look yourself{ $detail }.{ $left }
came-left = Still there: { $there }.
came-put-off = { $who } asked{ $at } to wait. I ask again at { $when }, if it is still bad then. Nothing was stopped.
came-declined = Kept running by { $who }. Nothing was stopped.
came-expired = Nobody answered in time. Nothing was stopped.
came-superseded = Withdrawn: not what it was any more. Nothing was stopped.
came-already-ended = The job had already ended{ $detail }. Nothing was run.

## Digest

digest-empty-title = { $day }: nothing is watched
digest-empty = *{ $day }* · nothing is watched, nothing ended
digest-needy = Needs a look
digest-well = Goes on
digest-over = Came to its end
digest-asked = Stops that were asked for
digest-saved = Stops saved *{ $what }* of planned training.
digest-more = and { $count } more: /watch list
digest-calm = Nobody needs to do anything.

## What came of a question, in the digest

asked-pending = waits for an answer since { $when }
asked-approved = approved by { $who } { $when }, on its way
asked-executing = approved by { $who } { $when }, on its way
asked-failed = 🚨 approved by { $who } { $when }, and *not stopped*
asked-unknown = 🚨 approved by { $who } { $when }, the outcome is *unverified*
asked-declined = kept running by { $who } { $when }
asked-expired = nobody answered until { $when }
asked-superseded = withdrawn { $when }: not what it was any more
asked-stopped = stopped by { $who } { $when }
asked-already-ended = had already ended { $when }
asked-again = to be asked again { $when }

## A question that still waits

reminder-title = Still waiting for an answer: stop { $run }? { $reason }
reminder-head = *Still waiting for an answer:* stop { $run }?
reminder-escalated = *Nobody has answered:* stop { $run }?
reminder-can = { $people } can approve it until { $when }, or keep it running.
reminder-reach = { $called }, you are called because nobody answers. { $people } can approve it until { $when }. Can you reach them?
reminder-you = { $called }, you are called because nobody answers. You can approve it until { $when }, or keep it running.

## Explain

explain-head = *Why { $decision }* · round { $number }, { $when }
explain-title = Why { $decision }: { $reason }
explain-nothing-held = Nothing held it back.
explain-since-step = since step { $step }
explain-moved = ({ $change } since)
explain-at-step = { " " }at step { $step }
explain-values = Values{ $at }: { $values }
explain-newer = Round { $number } since then: { $decision }. { $reason }
explain-next = *What happens next*
explain-answered = It is answered: { $how }, by { $who }.
explain-alone = At { $when } I stop it, unless somebody keeps it running.
explain-approve = Approve Stop: I look once more, then run what is shown; it takes { $longest } at most.
explain-others = Keep running: nothing is stopped, and I do not ask for a while. Ask again in 2 h: likewise, until then.
explain-no-answer = No answer until { $when }: nothing is stopped, and I ask anew.
explain-votes = approved so far by { $people } ({ $count } of { $needed })
explain-before = { $times ->
    [one] asked once before, last: { $how } by { $who }
   *[other] asked { $times } times before, last: { $how } by { $who }
 }
explain-source = source { $source }
explain-looked = looked at { $what }

## Answers

# The words themselves are fixed: they are what is typed.
words = check now, status, why, snooze 2h, pause, resume, end, stop, mode auto, mode ask, every 10m, baseline val_loss=2.31, rounds changes, launch slurm:48213, expected change, false alarm, note ..., test, help
words-known = I know: { $words }
help-title = How to use /watch
help =
    {"*"}`/watch entity/project/run`* watches a run: its card comes into the channel, each check into the card's thread.
    After the run, all optional: `log=PATH` (read when W&B cannot be reached) · `baseline=val/loss:2.31` · `baseline_run=RUN` (held against it step by step) · `target=METRIC:VALUE` · `every=30m` · `launch=pid:4211` (so that it can be stopped) · `notes=FILE.md` · `mode=ask` or `mode=auto` · `key=METRIC` · `steps=90000` · `announce=30000` or `announce="30000=harder data"` (a change that is meant to happen). For admins, where allowed: `stop="COMMAND"`.
    {"*"}`/watch`* alone opens a form, in which runs can be chosen. *`/watch list`* shows what is watched.
    {"*"}`/watch show | why | check | edit | pause | resume | end | test RUN`*, e.g. `/watch pause lab/vision/7gk2p1qz`: `edit` opens the form with what was told, `test` tries out what the watch rests on.
    {"*"}`/watch backtest entity/project 20`* tells what would have been done to its 20 newest finished runs.
    In a card's thread just write: { $words }.
list-empty-title = Nothing is watched
list-empty = Nothing is watched. Begin with `/watch entity/project/run`, or with `/watch` alone.
list-title = { $count } watched
list-further = and { $count } more
list-newer = ‹ Newer
list-older = Older ›
list-page = page { $page } of { $pages }, { $count } watches
edit-by-command = A form opens for `/watch edit RUN`, and for Edit in the menu of the card.
takes-longer = This takes a while. I tell you here when it is done.

## Backtest

backtest-title = Backtest of { $subject }
backtest-head = *Backtest* · { $subject }
backtest-empty = There is no finished run.
backtest-replayed = { $count ->
    [one] one run replayed
   *[other] { $count } runs replayed
}
backtest-stopped = { $count ->
    [0] none would have been stopped
   *[other] { $count } would have been stopped
}
backtest-saved = { $what } of running time saved
# What trainwatch would have done to a run, and how right that had been.
backtest-run-wrong = Wrong stop
backtest-run-missed = Ended badly, not seen
backtest-run-stopped = Would have been stopped
backtest-run-spared = Would have gone on
backtest-spared-more = and { $count } more
backtest-at = at step { $step }
backtest-after = after { $time }
backtest-earlier = { $time } before it ended
backtest-better = { $metric } was { $before } at best, and became { $after } after that
backtest-nothing = nothing
backtest-looks = { $waits ->
    [0] { $looks } looks, none of them WAIT
   *[other] { $looks } looks, { $waits } of them WAIT
}
backtest-open = no end known
backtest-more = and { $count } more that would have been stopped or ended badly
backtest-failed = Not replayed: { $run }: { $why }
backtest-touched = Replayed from what was logged. Nothing was stopped or written.
backtest-busy = Another backtest is under way. Try again in a few minutes.
backtest-unreadable = This is no run, and no project with a number of runs
backtest-todo = Expected e.g. /watch backtest lab/vision 20, at most { $most } runs, or one run: /watch backtest lab/vision/7gk2p1qz
backtest-foreign = Only projects of the bot's own W&B user are looked into here
backtest-foreign-todo = The operator can name others with [wandb] entities

## Home

home-renew = Renew
home-mine = My watches
home-others = Watches of others
notice-title = trainwatch

## Form of a watch. Titles have at most 24 characters.

form-open = Watch a run
form-new = Watch a run
form-edit = Edit a watch
form-watch = Watch
form-save = Save
form-close = Close
form-looking = I look up your projects at W&B …
form-found = Choose a run, or type one.
form-no-project = W&B shows no project that may be watched here. Type the run.
form-no-answer = W&B does not answer now. Type the run: it is read from its log until W&B is back.
form-optional = All of this may stay empty: then the project's settings count.
form-no-run = Choose a run, or type one
form-two-runs = This is another run than the one chosen above: leave one of them empty
form-emptied = { $field } emptied
form-nothing = Nothing was changed.
form-mode-ask = Ask before a stop
form-mode-auto = Stop by itself, after a grace
form-rounds-all = Every check
form-rounds-changes = Only what is new
field-project = Project
field-run = Run
field-typed = Or type it
field-channel = Channel that it reports to
field-launch = How was it launched?
field-every = Time between checks
field-mode = When it should be stopped
field-rounds = What is posted
field-baseline = Baseline
field-baseline-run = Runs to compare with
field-target = Target
field-key = Metrics that define success
field-log = Training log, read when W&B does not answer
field-notes = Notes of the project
field-steps = Planned steps
field-announce = Changes that are meant to happen, one a line
field-stop = Command that stops it (empty: as it is)
field-log-command = Command that prints its log (empty: as it is)
hint-project = entity/project
hint-run = Part of its name
hint-typed = entity/project/run, its address, /mnt/logs/train.log
hint-channel = #training
hint-launch = tmux:gpu1/exp7, slurm:12345, pid:gpu1/4211
hint-every = 30m
hint-mode = Ask before a stop
hint-rounds = Every check
hint-baseline = val/loss=2.31, val/acc=0.69
hint-baseline-run = entity/project/run
hint-target = val/acc=0.76
hint-key = val/acc, val/loss
hint-log = /mnt/logs/train.log, gpu1:/mnt/logs/train.log
hint-notes = vision.md
hint-steps = 90000
hint-announce = 30000=harder data
hint-stop = /usr/local/bin/stop-training
hint-log-command = tail -n 2000 /mnt/logs/train.log
run-pending = waits
run-running = runs
run-finished = finished
run-failed = failed
run-crashed = crashed
run-killed = killed
run-unknown = state unknown
why-nothing-title = No check yet
why-nothing = There was no check yet.
why-held = Held back: { $what }
why-looked = Looked at: { $what }
why-title = Why { $decision }
why-head = *Why { $decision }* (round { $number })
why-newest = Newest values: { $values }
why-no-values = none
tried-title = Dry test: { $head }
tried-head = *Dry test: { $head }.* Nothing was stopped.
tried-fine = Everything is there
tried-bad = { $bad } of { $all } not as it must be
done = Done.
went-wrong = That went wrong in here, see my log. Look at the card before you try again.

## Refusals

only-they = Only { $people } can { $act }.
act-approve = approve stops here
act-decline = answer this, or the owner of the watch
act-watch = watch runs here
act-check = ask for a check
act-go-automatic = let it stop by itself
act-type-command = type commands here
act-other = do this
who-are-you = Slack did not say who you are
own-workspace-only = Only members of the own workspace may do this
not-by = This may not be done by { $whom }
is-now = { $who } is { $what } now
cannot-vouch = Slack cannot be asked whether { $who } may still approve it
cannot-verify = I cannot verify you now
try-again = Try again in a moment
outsider-deactivated = a deactivated account
outsider-bot = a bot
outsider-guest = a guest
outsider-stranger = a member of another workspace
cannot-look-at-channel = I cannot look at this channel now
invite-me = Invite me, try again

## What was done

watching = I watch { $run }. Its card comes { $where }; each check goes into its thread.
watching-here = here
watching-there = in the channel of trainwatch
looking-now = I look now; the report comes into the thread.
paused = Paused. Nobody looks until: resume
resumed = I look again, now.
watch-ended = The watch has ended. The run was not touched.
agreed-automatic = Noted: { $count } of { $needed } agree. It stops by itself when the others have said `mode auto` here too.
now-automatic = From now on I stop it by myself when it must be; I say so before, with a way to object.
now-asking = From now on I ask before I stop it.
change-noted = Noted for step { $step }. What follows from it is no reason to stop.
false-alarm-noted = Noted: a false alarm at step { $step }. I go on from how it is now.
snoozed = Quiet until { $when }: I look on and keep the card current; a stop is asked for at once. To end it: snooze off
awake = I tell of every check again.
told = From now on: { $what }
tell-more = This word is told something
tell-every = every 10m
tell-baseline = baseline val_loss=2.31
tell-rounds = rounds changes
tell-launch = launch slurm:48213
told-job = { $what }, which is { $job }
noted = Noted, in the project's notes and in the audit.
noted-audit = Noted in the audit. This watch has no notes file.
stop-asked = I ask in the thread; whoever may approve it can stop it there.
trying = I try out what this watch rests on; nothing is stopped.

## What cannot be done, and what to do instead

not-ours = This button is not one of mine any more. Use the newest message of the thread
posting = I am just posting this message
press-again = Press again in a moment
click-too-late = { $why }. Nothing was changed by your click.
round-since = Round { $number } since then: { $decision }, { $reason } { $values }
no-such-watch = No watch of this workspace has that name
wants-channel = A watch reports to a channel
wants-channel-todo = Type /watch there, or set [slack] channel
shared-channel = This channel is shared with another workspace, or I am not in it
shared-channel-todo = Invite me, or use another channel
watched-already = This run is watched already
see-list = See /watch list
too-long = That is more than { $most } characters
unreadable = I cannot read this: { $error }
unreadable-todo = Close the quotes: notes="my notes.md"
unknown-option = This is not one of the things that can be told
unknown-option-todo = Known: { $known }
told-twice = This was told twice
path-refused = This path may not be named in chat
path-refused-todo = It must lie below one of [log] roots
log-refused = This log may not be named in chat
log-refused-todo = It must lie below one of log_roots of a host in [hosts]
typed-never-automatic = A command that was typed in chat is never run automatically
typed-never-automatic-todo = Use mode=ask
typed-sign = A command typed in chat may not have the sign { $sign }
typed-too-long = A command typed in chat may not have more than { $most } characters
typed-todo = Put it into trainwatch.toml
no-pair = This is no metric with a value
example = E.g. { $example }
too-often = Checks cannot be closer than a second
no-steps = This is no number of steps
no-mode = There are two modes
no-mode-todo = mode=ask or mode=auto
no-posts = Rounds are posted in two ways
no-posts-todo = rounds=all or rounds=changes
notes-refused-todo = E.g. notes=vision.md, or notes=gpu1:/home/ana/notes/vision.md below notes_roots of [hosts.gpu1]
notes-refused = Notes named in chat are Markdown files of one folder

-- Files as a front door: a task file in the inbox becomes a proposal, its mission's end an output and a rename.

-- A task file may have 1 MB, and its whole text is the proposal's body. The API's own limit stays 256 KiB.
alter table ops_proposals drop constraint ops_proposals_sizes,
  add constraint ops_proposals_sizes check (char_length(title) <= 200 and octet_length(body) <= 1048576);

create table ops_workspaces (
  id uuid primary key,
  path text not null,
  mode text not null,
  halted jsonb,
  observed_at timestamptz,
  created_at timestamptz not null default now(),
  owner uuid,
  holder jsonb,
  lease_expires_at timestamptz,
  constraint ops_workspaces_mode check (mode in ('process', 'observe', 'off'))
);
comment on table ops_workspaces is 'Folders with inbox, outputs and approvals. One process at a time owns one; every write for its files checks that it still does.';
comment on column ops_workspaces.id is 'Also in state/opsloop.json of the folder, so that it is known again wherever it is mounted.';
comment on column ops_workspaces.mode is 'process: task files are worked. observe: somebody else works them and we tell of it. off: only published outputs are written.';
comment on column ops_workspaces.owner is 'Random name of one boot of one process; whoever is not this any more writes nothing.';
comment on column ops_workspaces.holder is 'The machine and process behind it, so that the death of one on this machine is known at once.';
comment on column ops_workspaces.observed_at is 'When observing began: what was there before is history. Null: it has not.';
comment on column ops_workspaces.halted is 'Signs of a foreign executor: nothing is taken until an operator says so.';

create table ops_files (
  id uuid primary key,
  workspace_id uuid not null references ops_workspaces (id),
  name text not null,
  form text not null,
  status text not null,
  digest text not null,
  inode text,
  content text,
  agent_id text not null,
  proposal_id uuid unique references ops_proposals (id),
  parent_id uuid references ops_files (id),
  root_id uuid not null,
  depth smallint not null default 0,
  after_id uuid references ops_files (id),
  result text,
  output text references ops_artefacts (name) deferrable initially deferred,
  note text references ops_artefacts (name) deferrable initially deferred,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint ops_files_form check (form in ('task', 'goal', 'exec')),
  constraint ops_files_status check (status in ('planned', 'taken', 'settled', 'finished')),
  constraint ops_files_result check (result in ('done', 'failed', 'replaced')),
  constraint ops_files_planned check ((status = 'planned') = (content is not null)),
  constraint ops_files_taken check (proposal_id is not null or status = 'planned' or result is not null),
  constraint ops_files_finished check ((status = 'finished') = (finished_at is not null))
);
comment on table ops_files is 'One row per task file that was taken, or that a model''s answer asked for.';
comment on column ops_files.status is 'planned: asked for by an answer. taken: a proposal. settled: ended, its output fixed. finished: its file renamed.';
comment on column ops_files.digest is 'SHA-256 of the file''s bytes. Name, content and inode together say which file is meant.';
comment on column ops_files.inode is 'Of the file in the inbox; null while it is not there yet.';
comment on column ops_files.content is 'The text of a planned file; afterwards it is the proposal''s body.';
comment on column ops_files.agent_id is 'Whom its proposal is charged to: the role of a person''s file, the root''s agent for what a model asked for.';
comment on column ops_files.root_id is 'The person''s file that this one goes back to; its own id for that one.';
comment on column ops_files.after_id is 'The tasks of a goal are worked in order: this one is taken after that one has finished.';
comment on column ops_files.note is 'The PENDING note, where an operator had to decide.';

create unique index ops_files_open on ops_files (workspace_id, name) where status <> 'finished';
create index ops_files_root on ops_files (root_id);
create index ops_files_newest on ops_files (workspace_id, id);
-- What retention drops is looked for in every column that refers to it.
create index ops_files_parent on ops_files (parent_id) where parent_id is not null;
create index ops_files_after on ops_files (after_id) where after_id is not null;
create index ops_files_output on ops_files (output) where output is not null;
create index ops_files_note on ops_files (note) where note is not null;

create trigger ops_files_legal before update of status on ops_files for each row
  when (old.status is distinct from new.status and not (
    (old.status = 'planned' and new.status in ('taken', 'finished'))
    or (old.status = 'taken' and new.status in ('settled', 'finished'))
    or (old.status = 'settled' and new.status = 'finished')
    or (old.status = 'finished' and new.status = 'taken' and old.result = 'failed')))
  execute function ops_refuse_transition();

create table ops_files_seen (
  workspace_id uuid not null references ops_workspaces (id),
  dir text not null,
  name text not null,
  version text not null,
  primary key (workspace_id, dir, name)
);
comment on table ops_files_seen is 'What was last seen in an observed workspace, so that what happens while nobody looks is told later, once.';

-- Notes, results and refusals are outputs too, and no step produced them.
alter table ops_artefacts alter column step_id drop not null,
  add column file_id uuid references ops_files (id),
  add constraint ops_artefacts_origin check (step_id is not null or file_id is not null);
comment on column ops_artefacts.file_id is 'The task file that it answers; null for what a publish step made.';
create index ops_artefacts_file on ops_artefacts (file_id) where file_id is not null;

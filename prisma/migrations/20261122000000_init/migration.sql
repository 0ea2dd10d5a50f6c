-- CreateEnum
CREATE TYPE "principal_kind" AS ENUM ('USER', 'TEAM');

-- CreateEnum
CREATE TYPE "visibility" AS ENUM ('PUBLIC', 'UNLISTED', 'PRIVATE');

-- CreateEnum
CREATE TYPE "schedule_kind" AS ENUM ('CRON', 'INTERVAL', 'ONCE');

-- CreateEnum
CREATE TYPE "cron_dialect" AS ENUM ('VIXIE', 'QUARTZ');

-- CreateEnum
CREATE TYPE "surface" AS ENUM ('GRAPHQL', 'SHAREOUT', 'INFORMER', 'KRAGLE', 'BOOZLES');

-- CreateEnum
CREATE TYPE "job_trigger" AS ENUM ('SCHEDULE', 'EVENT', 'MANUAL');

-- CreateEnum
CREATE TYPE "backoff" AS ENUM ('FIXED', 'LINEAR', 'EXPONENTIAL');

-- CreateEnum
CREATE TYPE "retry_on" AS ENUM ('TRANSIENT', 'ANY');

-- CreateEnum
CREATE TYPE "overlap_policy" AS ENUM ('SKIP', 'QUEUE_ONE', 'QUEUE_ALL', 'ALLOW');

-- CreateEnum
CREATE TYPE "catch_up_policy" AS ENUM ('LATEST', 'ALL', 'NONE');

-- CreateEnum
CREATE TYPE "dst_gap_policy" AS ENUM ('RUN_AFTER_GAP', 'SKIP');

-- CreateEnum
CREATE TYPE "run_trigger" AS ENUM ('SCHEDULE', 'EVENT', 'MANUAL');

-- CreateEnum
CREATE TYPE "run_status" AS ENUM ('QUEUED', 'RUNNING', 'RETRYING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'SKIPPED');

-- CreateEnum
CREATE TYPE "skip_reason" AS ENUM ('OVERLAP', 'QUEUE_FULL', 'MISFIRE', 'PAUSED', 'DELETED');

-- CreateEnum
CREATE TYPE "attempt_status" AS ENUM ('RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'LOST');

-- CreateEnum
CREATE TYPE "step_status" AS ENUM ('RUNNING', 'SUCCEEDED', 'FAILED');

-- CreateEnum
CREATE TYPE "run_event_kind" AS ENUM ('QUEUED', 'STARTED', 'STEP_STARTED', 'STEP_FINISHED', 'RETRYING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'SKIPPED');

-- CreateTable
CREATE TABLE "principal" (
    "id" UUID NOT NULL,
    "kind" "principal_kind" NOT NULL DEFAULT 'USER',
    "handle" TEXT NOT NULL,
    "number" SERIAL NOT NULL,
    "name" TEXT,
    "email" TEXT,
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "is_admin" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "principal_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_token" (
    "id" UUID NOT NULL,
    "principal_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "scopes" TEXT[],
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "api_token_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "artifact" (
    "id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "created_by_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "description" TEXT,
    "visibility" "visibility" NOT NULL DEFAULT 'PUBLIC',
    "last_version_no" INTEGER NOT NULL DEFAULT 0,
    "deleted_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "artifact_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "artifact_version" (
    "id" UUID NOT NULL,
    "artifact_id" UUID NOT NULL,
    "version_no" INTEGER NOT NULL,
    "entrypoint" TEXT NOT NULL,
    "file_count" INTEGER NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "created_by_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "artifact_version_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "version_file" (
    "version_id" UUID NOT NULL,
    "path" TEXT NOT NULL,
    "mime" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "size_bytes" INTEGER NOT NULL,

    CONSTRAINT "version_file_pkey" PRIMARY KEY ("version_id","path")
);

-- CreateTable
CREATE TABLE "blob" (
    "owner_id" UUID NOT NULL,
    "digest" TEXT NOT NULL,
    "content" BYTEA NOT NULL,
    "size_bytes" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "blob_pkey" PRIMARY KEY ("owner_id","digest")
);

-- CreateTable
CREATE TABLE "deployment" (
    "id" UUID NOT NULL,
    "artifact_id" UUID NOT NULL,
    "version_id" UUID NOT NULL,
    "deployment_no" INTEGER NOT NULL,
    "created_by_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "deployment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "schedule" (
    "id" UUID NOT NULL,
    "number" SERIAL NOT NULL,
    "owner_id" UUID NOT NULL,
    "kind" "schedule_kind" NOT NULL,
    "expression" TEXT,
    "dialect" "cron_dialect",
    "timezone" TEXT,
    "interval_seconds" INTEGER,
    "at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "schedule_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "job" (
    "id" UUID NOT NULL,
    "surface" "surface" NOT NULL,
    "number" SERIAL NOT NULL,
    "name" TEXT,
    "description" TEXT,
    "notes" TEXT,
    "owner_id" UUID NOT NULL,
    "created_by_id" UUID NOT NULL,
    "artifact_id" UUID,
    "schedule_id" UUID,
    "trigger" "job_trigger" NOT NULL,
    "event_type" TEXT,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "anchor" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "start_on" TIMESTAMPTZ(3),
    "end_on" TIMESTAMPTZ(3),
    "next_run_at" TIMESTAMPTZ(3),
    "last_run_at" TIMESTAMPTZ(3),
    "last_status" "run_status",
    "max_attempts" INTEGER NOT NULL DEFAULT 1,
    "backoff" "backoff" NOT NULL DEFAULT 'EXPONENTIAL',
    "initial_delay" INTEGER NOT NULL DEFAULT 10,
    "max_delay" INTEGER NOT NULL DEFAULT 3600,
    "jitter" BOOLEAN NOT NULL DEFAULT true,
    "retry_on" "retry_on" NOT NULL DEFAULT 'TRANSIENT',
    "overlap" "overlap_policy",
    "catch_up" "catch_up_policy" NOT NULL DEFAULT 'LATEST',
    "catch_up_window" INTEGER NOT NULL DEFAULT 86400,
    "dst_gap" "dst_gap_policy" NOT NULL DEFAULT 'RUN_AFTER_GAP',
    "timeout_seconds" INTEGER NOT NULL DEFAULT 60,
    "version" INTEGER NOT NULL DEFAULT 1,
    "deleted_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "job_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "action" (
    "id" UUID NOT NULL,
    "number" SERIAL NOT NULL,
    "job_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "config" JSONB NOT NULL,

    CONSTRAINT "action_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "signing_secret" (
    "job_id" UUID NOT NULL,
    "current" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "signing_secret_pkey" PRIMARY KEY ("job_id")
);

-- CreateTable
CREATE TABLE "run" (
    "id" UUID NOT NULL,
    "job_id" UUID NOT NULL,
    "artifact_id" UUID,
    "trigger" "run_trigger" NOT NULL,
    "status" "run_status" NOT NULL,
    "scheduled_for" TIMESTAMPTZ(3),
    "available_at" TIMESTAMPTZ(3) NOT NULL,
    "attempt" INTEGER NOT NULL DEFAULT 0,
    "losses" INTEGER NOT NULL DEFAULT 0,
    "input" JSONB,
    "output" JSONB,
    "error" JSONB,
    "plan" JSONB NOT NULL,
    "skip_reason" "skip_reason",
    "skipped_count" INTEGER,
    "skipped_until" TIMESTAMPTZ(3),
    "domain_event_id" UUID,
    "event_seq" INTEGER NOT NULL DEFAULT 0,
    "queued_at" TIMESTAMPTZ(3) NOT NULL,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "run_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "run_queue" (
    "run_id" UUID NOT NULL,
    "job_id" UUID NOT NULL,
    "priority" SMALLINT NOT NULL DEFAULT 0,
    "available_at" TIMESTAMPTZ(3) NOT NULL,
    "attempt" INTEGER NOT NULL DEFAULT 0,
    "blocked" BOOLEAN NOT NULL DEFAULT false,
    "lease_owner" UUID,
    "lease_until" TIMESTAMPTZ(3),

    CONSTRAINT "run_queue_pkey" PRIMARY KEY ("run_id")
);

-- CreateTable
CREATE TABLE "run_attempt" (
    "run_id" UUID NOT NULL,
    "attempt" INTEGER NOT NULL,
    "status" "attempt_status" NOT NULL,
    "node_id" UUID NOT NULL,
    "error" JSONB,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "run_attempt_pkey" PRIMARY KEY ("run_id","attempt")
);

-- CreateTable
CREATE TABLE "run_step" (
    "run_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "status" "step_status" NOT NULL,
    "attempt" INTEGER NOT NULL,
    "output" JSONB,
    "error" JSONB,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "run_step_pkey" PRIMARY KEY ("run_id","position")
);

-- CreateTable
CREATE TABLE "run_event" (
    "xid" xid8 NOT NULL DEFAULT pg_current_xact_id(),
    "position" BIGSERIAL NOT NULL,
    "run_id" UUID NOT NULL,
    "job_id" UUID NOT NULL,
    "artifact_id" UUID,
    "seq" INTEGER NOT NULL,
    "kind" "run_event_kind" NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),
    "data" JSONB,

    CONSTRAINT "run_event_pkey" PRIMARY KEY ("position")
);

-- CreateTable
CREATE TABLE "delivery" (
    "id" UUID NOT NULL,
    "run_id" UUID NOT NULL,
    "attempt" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    "method" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "request_bytes" INTEGER NOT NULL,
    "status" INTEGER,
    "response_headers" JSONB,
    "response_body" BYTEA,
    "truncated" BOOLEAN NOT NULL DEFAULT false,
    "error" JSONB,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "duration_ms" INTEGER NOT NULL,

    CONSTRAINT "delivery_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "domain_event" (
    "id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "owner_id" UUID NOT NULL,
    "artifact_id" UUID,
    "payload" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "dispatched_at" TIMESTAMPTZ(3),

    CONSTRAINT "domain_event_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "node" (
    "id" UUID NOT NULL,
    "lock_key" SERIAL NOT NULL,
    "host" TEXT NOT NULL,
    "pid" INTEGER NOT NULL,
    "postmaster_started_at" TIMESTAMPTZ(6),
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "node_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "principal_handle_key" ON "principal"("handle");

-- CreateIndex
CREATE UNIQUE INDEX "principal_number_key" ON "principal"("number");

-- CreateIndex
CREATE UNIQUE INDEX "api_token_hash_key" ON "api_token"("hash");

-- CreateIndex
CREATE INDEX "api_token_principal_id_idx" ON "api_token"("principal_id");

-- CreateIndex
CREATE INDEX "artifact_owner_id_id_idx" ON "artifact"("owner_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "artifact_version_artifact_id_version_no_key" ON "artifact_version"("artifact_id", "version_no");

-- CreateIndex
CREATE INDEX "deployment_version_id_idx" ON "deployment"("version_id");

-- CreateIndex
CREATE UNIQUE INDEX "deployment_artifact_id_deployment_no_key" ON "deployment"("artifact_id", "deployment_no");

-- CreateIndex
CREATE UNIQUE INDEX "schedule_number_key" ON "schedule"("number");

-- CreateIndex
CREATE INDEX "schedule_owner_id_idx" ON "schedule"("owner_id");

-- CreateIndex
CREATE UNIQUE INDEX "job_number_key" ON "job"("number");

-- CreateIndex
CREATE UNIQUE INDEX "action_number_key" ON "action"("number");

-- CreateIndex
CREATE UNIQUE INDEX "action_job_id_position_key" ON "action"("job_id", "position");

-- CreateIndex
CREATE INDEX "run_job_id_id_idx" ON "run"("job_id", "id" DESC);

-- CreateIndex
CREATE INDEX "run_artifact_id_id_idx" ON "run"("artifact_id", "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "run_job_id_domain_event_id_key" ON "run"("job_id", "domain_event_id");

-- CreateIndex
CREATE INDEX "run_queue_job_id_idx" ON "run_queue"("job_id");

-- CreateIndex
CREATE INDEX "run_event_job_id_position_idx" ON "run_event"("job_id", "position");

-- CreateIndex
CREATE INDEX "run_event_artifact_id_position_idx" ON "run_event"("artifact_id", "position");

-- CreateIndex
CREATE UNIQUE INDEX "run_event_run_id_seq_key" ON "run_event"("run_id", "seq");

-- CreateIndex
CREATE INDEX "delivery_run_id_idx" ON "delivery"("run_id");

-- CreateIndex
CREATE UNIQUE INDEX "node_lock_key_key" ON "node"("lock_key");

-- AddForeignKey
ALTER TABLE "api_token" ADD CONSTRAINT "api_token_principal_id_fkey" FOREIGN KEY ("principal_id") REFERENCES "principal"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "artifact" ADD CONSTRAINT "artifact_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "principal"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "artifact" ADD CONSTRAINT "artifact_created_by_id_fkey" FOREIGN KEY ("created_by_id") REFERENCES "principal"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "artifact_version" ADD CONSTRAINT "artifact_version_artifact_id_fkey" FOREIGN KEY ("artifact_id") REFERENCES "artifact"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "artifact_version" ADD CONSTRAINT "artifact_version_created_by_id_fkey" FOREIGN KEY ("created_by_id") REFERENCES "principal"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "version_file" ADD CONSTRAINT "version_file_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "artifact_version"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "blob" ADD CONSTRAINT "blob_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "principal"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deployment" ADD CONSTRAINT "deployment_artifact_id_fkey" FOREIGN KEY ("artifact_id") REFERENCES "artifact"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deployment" ADD CONSTRAINT "deployment_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "artifact_version"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deployment" ADD CONSTRAINT "deployment_created_by_id_fkey" FOREIGN KEY ("created_by_id") REFERENCES "principal"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "schedule" ADD CONSTRAINT "schedule_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "principal"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job" ADD CONSTRAINT "job_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "principal"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job" ADD CONSTRAINT "job_created_by_id_fkey" FOREIGN KEY ("created_by_id") REFERENCES "principal"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job" ADD CONSTRAINT "job_artifact_id_fkey" FOREIGN KEY ("artifact_id") REFERENCES "artifact"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job" ADD CONSTRAINT "job_schedule_id_fkey" FOREIGN KEY ("schedule_id") REFERENCES "schedule"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "action" ADD CONSTRAINT "action_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "signing_secret" ADD CONSTRAINT "signing_secret_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "run" ADD CONSTRAINT "run_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "run" ADD CONSTRAINT "run_artifact_id_fkey" FOREIGN KEY ("artifact_id") REFERENCES "artifact"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "run" ADD CONSTRAINT "run_domain_event_id_fkey" FOREIGN KEY ("domain_event_id") REFERENCES "domain_event"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "run_attempt" ADD CONSTRAINT "run_attempt_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "run_step" ADD CONSTRAINT "run_step_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "delivery" ADD CONSTRAINT "delivery_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "domain_event" ADD CONSTRAINT "domain_event_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "principal"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "domain_event" ADD CONSTRAINT "domain_event_artifact_id_fkey" FOREIGN KEY ("artifact_id") REFERENCES "artifact"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- What Prisma cannot express.

-- A slot has at most one run, whatever nodes and clocks do.
CREATE UNIQUE INDEX "run_slot" ON "run" ("job_id", "scheduled_for") WHERE "trigger" = 'SCHEDULE';

-- Claiming: what is free, in the order in which it is taken. Leases: what a node holds.
CREATE INDEX "run_queue_free" ON "run_queue" ("priority", "available_at", "run_id") WHERE "lease_owner" IS NULL AND NOT "blocked";
CREATE INDEX "run_queue_leased" ON "run_queue" ("lease_owner") WHERE "lease_owner" IS NOT NULL;

-- The queue is emptied as fast as it is filled, so it is vacuumed by the number of dead rows and without pauses.
ALTER TABLE "run_queue" SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- Firing: only jobs that have a next slot stand in it. Events: only jobs that wait for one.
CREATE INDEX "job_due" ON "job" ("next_run_at") WHERE "next_run_at" IS NOT NULL;
CREATE INDEX "job_listening" ON "job" ("event_type") WHERE "event_type" IS NOT NULL AND "enabled" AND "deleted_at" IS NULL;
CREATE INDEX "job_listed" ON "job" ("owner_id", "id") WHERE "deleted_at" IS NULL;
CREATE INDEX "job_of_artifact" ON "job" ("artifact_id") WHERE "artifact_id" IS NOT NULL;
CREATE INDEX "domain_event_pending" ON "domain_event" ("id") WHERE "dispatched_at" IS NULL;

-- A slug belongs to one artifact that is not deleted; a deleted one keeps it for a while.
CREATE UNIQUE INDEX "artifact_slug_live" ON "artifact" ("slug") WHERE "deleted_at" IS NULL;
CREATE INDEX "artifact_slug" ON "artifact" ("slug");

-- What is published is mostly compressed already.
ALTER TABLE "blob" ALTER COLUMN "content" SET STORAGE EXTERNAL;

-- Rows that change a few times soon after they are made: room on their page spares the indexes.
ALTER TABLE "run" SET (fillfactor = 60);
ALTER TABLE "run_attempt" SET (fillfactor = 60);
ALTER TABLE "run_step" SET (fillfactor = 60);
ALTER TABLE "run_queue" SET (fillfactor = 60);
ALTER TABLE "job" SET (fillfactor = 80);

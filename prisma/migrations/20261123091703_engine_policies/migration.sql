-- AlterEnum
ALTER TYPE "overlap_policy" ADD VALUE 'CANCEL_RUNNING' BEFORE 'ALLOW';

-- AlterEnum
ALTER TYPE "run_trigger" ADD VALUE 'BACKFILL';
ALTER TYPE "run_trigger" ADD VALUE 'RETRY';

-- AlterEnum
ALTER TYPE "skip_reason" ADD VALUE 'OUT_OF_WINDOW';

-- DropIndex
DROP INDEX "run_job_id_domain_event_id_key";

-- AlterTable
ALTER TABLE "principal" ADD COLUMN     "run_limit" INTEGER;

-- AlterTable
ALTER TABLE "job" ADD COLUMN     "concurrency_key" TEXT,
ADD COLUMN     "concurrency_limit" INTEGER,
ADD COLUMN     "priority" SMALLINT NOT NULL DEFAULT 0,
ADD COLUMN     "spread" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "spread_offset_ms" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "run" ADD COLUMN     "cancel_requested_at" TIMESTAMPTZ(3),
ADD COLUMN     "retry_of_id" UUID;

-- AlterTable
ALTER TABLE "run_queue" ADD COLUMN     "cancel_by" TIMESTAMPTZ(3),
ADD COLUMN     "group_limit" INTEGER,
ADD COLUMN     "limit_group" TEXT,
ADD COLUMN     "owner_id" UUID,
ADD COLUMN     "owner_limit" INTEGER,
ADD COLUMN     "started" BOOLEAN NOT NULL DEFAULT false;

-- CreateTable
CREATE TABLE "log_floor" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "position" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "log_floor_pkey" PRIMARY KEY ("id")
);

-- AddForeignKey
ALTER TABLE "run" ADD CONSTRAINT "run_retry_of_id_fkey" FOREIGN KEY ("retry_of_id") REFERENCES "run"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- What Prisma cannot express.

-- An event starts a job once; doing a run over again is another run of the same event.
CREATE UNIQUE INDEX "run_of_event" ON "run" ("job_id", "domain_event_id") WHERE "trigger" = 'EVENT';
-- What refers to an event or a run that is to be forgotten.
CREATE INDEX "run_domain_event" ON "run" ("domain_event_id") WHERE "domain_event_id" IS NOT NULL;
CREATE INDEX "run_retry_of" ON "run" ("retry_of_id") WHERE "retry_of_id" IS NOT NULL;
-- Which slots have been made up for; `run_slot` has those that the schedule fired.
CREATE INDEX "run_slot_again" ON "run" ("job_id", "scheduled_for") WHERE "trigger" <> 'SCHEDULE' AND "scheduled_for" IS NOT NULL;

-- Claiming: entries without a limit are free to take; the others are looked at group by group.
DROP INDEX "run_queue_free";
CREATE INDEX "run_queue_free" ON "run_queue" ("priority", "available_at", "run_id") WHERE "lease_owner" IS NULL AND NOT "blocked" AND "limit_group" IS NULL;
CREATE INDEX "run_queue_limited" ON "run_queue" ("limit_group", "priority", "available_at", "run_id") WHERE "lease_owner" IS NULL AND NOT "blocked" AND "limit_group" IS NOT NULL;
-- Which run of a job goes on when the one before it ends.
CREATE INDEX "run_queue_waiting" ON "run_queue" ("job_id", "priority", "available_at", "run_id") WHERE "blocked";
CREATE INDEX "run_queue_cancelled" ON "run_queue" ("cancel_by") WHERE "cancel_by" IS NOT NULL;

-- Who uses a schedule, and which jobs may be forgotten.
CREATE INDEX "job_schedule" ON "job" ("schedule_id") WHERE "schedule_id" IS NOT NULL;
CREATE INDEX "job_deleted" ON "job" ("deleted_at") WHERE "deleted_at" IS NOT NULL;

INSERT INTO "log_floor" DEFAULT VALUES;

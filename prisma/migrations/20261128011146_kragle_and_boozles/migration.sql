-- CreateEnum
CREATE TYPE "stack_webhook" AS ENUM ('NONE', 'PUBLIC', 'TOKEN', 'USER');

-- AlterEnum
ALTER TYPE "end_of_life" ADD VALUE 'DELETE';

-- AlterTable
ALTER TABLE "schedule" ADD COLUMN     "name" TEXT,
ADD COLUMN     "once" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "shared" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
ALTER TABLE "stack" ADD COLUMN     "surface" "surface" NOT NULL DEFAULT 'GRAPHQL',
ADD COLUMN     "webhook" "stack_webhook" NOT NULL DEFAULT 'NONE',
ADD COLUMN     "webhook_method" TEXT,
ADD COLUMN     "webhook_token" BYTEA;

-- AlterTable
ALTER TABLE "job" ADD COLUMN     "deletion_queued" BOOLEAN NOT NULL DEFAULT false;

-- By hand: partial indexes.
CREATE UNIQUE INDEX "job_name" ON "job" ("owner_id", "name") WHERE "surface" = 'KRAGLE' AND "name" IS NOT NULL AND "deleted_at" IS NULL AND "draft_of_id" IS NULL;
CREATE UNIQUE INDEX "job_stack_schedule" ON "job" ("stack_id", "schedule_id") WHERE "surface" = 'KRAGLE' AND "deleted_at" IS NULL AND "draft_of_id" IS NULL;
CREATE UNIQUE INDEX "stack_name" ON "stack" ("owner_id", "name") WHERE "surface" = 'KRAGLE';
CREATE INDEX "schedule_shared" ON "schedule" ("number") WHERE "shared";
DROP INDEX "job_ending";
CREATE INDEX "job_ending" ON "job" ("id") WHERE "end_of_life" <> 'KEEP' AND "enabled" AND "next_run_at" IS NULL AND "deleted_at" IS NULL;

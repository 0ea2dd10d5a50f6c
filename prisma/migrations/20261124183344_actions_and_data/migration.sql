-- AlterEnum
ALTER TYPE "skip_reason" ADD VALUE 'LOOP';

-- AlterTable
ALTER TABLE "artifact" ADD COLUMN     "access_policy" JSONB;

-- AlterTable
ALTER TABLE "deployment" ADD COLUMN     "run_id" UUID,
ADD COLUMN     "run_position" INTEGER;

-- AlterTable
ALTER TABLE "job" ADD COLUMN     "hidden" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "pause_reason" TEXT,
ADD COLUMN     "paused_at" TIMESTAMPTZ(3),
ADD COLUMN     "stack_id" UUID;

-- AlterTable
ALTER TABLE "action" ADD COLUMN     "stack_id" UUID,
ALTER COLUMN "job_id" DROP NOT NULL;

-- AlterTable
ALTER TABLE "signing_secret" ADD COLUMN     "previous" BYTEA,
ADD COLUMN     "previous_until" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "run" ADD COLUMN     "warnings" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- AlterTable
ALTER TABLE "delivery" ADD COLUMN     "request_headers" JSONB;

-- AlterTable
ALTER TABLE "domain_event" ADD COLUMN     "depth" INTEGER NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "stack" (
    "id" UUID NOT NULL,
    "number" SERIAL NOT NULL,
    "owner_id" UUID NOT NULL,
    "created_by_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "stack_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "dataset" (
    "id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "created_by_id" UUID NOT NULL,
    "artifact_id" UUID,
    "name" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "description" TEXT,
    "row_count" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "dataset_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "dataset_row" (
    "id" UUID NOT NULL,
    "dataset_id" UUID NOT NULL,
    "data" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "dataset_row_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "dataset_snapshot" (
    "id" UUID NOT NULL,
    "dataset_id" UUID NOT NULL,
    "name" TEXT,
    "row_count" INTEGER NOT NULL,
    "run_id" UUID,
    "run_position" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "dataset_snapshot_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "dataset_snapshot_row" (
    "snapshot_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "data" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "dataset_snapshot_row_pkey" PRIMARY KEY ("snapshot_id","id")
);

-- CreateTable
CREATE TABLE "dataset_load" (
    "run_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "dataset_id" UUID NOT NULL,
    "row_count" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "dataset_load_pkey" PRIMARY KEY ("run_id","position","dataset_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "stack_number_key" ON "stack"("number");

-- CreateIndex
CREATE INDEX "stack_owner_id_id_idx" ON "stack"("owner_id", "id");

-- CreateIndex
CREATE INDEX "dataset_owner_id_id_idx" ON "dataset"("owner_id", "id");

-- CreateIndex
CREATE INDEX "dataset_row_dataset_id_id_idx" ON "dataset_row"("dataset_id", "id");

-- CreateIndex
CREATE INDEX "dataset_row_data_idx" ON "dataset_row" USING GIN ("data" jsonb_path_ops);

-- CreateIndex
CREATE INDEX "dataset_snapshot_dataset_id_id_idx" ON "dataset_snapshot"("dataset_id", "id");

-- CreateIndex
CREATE INDEX "dataset_load_dataset_id_idx" ON "dataset_load"("dataset_id");

-- CreateIndex
CREATE UNIQUE INDEX "action_stack_id_position_key" ON "action"("stack_id", "position");

-- AddForeignKey
ALTER TABLE "stack" ADD CONSTRAINT "stack_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "principal"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "stack" ADD CONSTRAINT "stack_created_by_id_fkey" FOREIGN KEY ("created_by_id") REFERENCES "principal"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job" ADD CONSTRAINT "job_stack_id_fkey" FOREIGN KEY ("stack_id") REFERENCES "stack"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "action" ADD CONSTRAINT "action_stack_id_fkey" FOREIGN KEY ("stack_id") REFERENCES "stack"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "dataset" ADD CONSTRAINT "dataset_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "principal"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "dataset" ADD CONSTRAINT "dataset_created_by_id_fkey" FOREIGN KEY ("created_by_id") REFERENCES "principal"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "dataset" ADD CONSTRAINT "dataset_artifact_id_fkey" FOREIGN KEY ("artifact_id") REFERENCES "artifact"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "dataset_row" ADD CONSTRAINT "dataset_row_dataset_id_fkey" FOREIGN KEY ("dataset_id") REFERENCES "dataset"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "dataset_snapshot" ADD CONSTRAINT "dataset_snapshot_dataset_id_fkey" FOREIGN KEY ("dataset_id") REFERENCES "dataset"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "dataset_snapshot_row" ADD CONSTRAINT "dataset_snapshot_row_snapshot_id_fkey" FOREIGN KEY ("snapshot_id") REFERENCES "dataset_snapshot"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "dataset_load" ADD CONSTRAINT "dataset_load_dataset_id_fkey" FOREIGN KEY ("dataset_id") REFERENCES "dataset"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What Prisma cannot express.

-- A step that is done over after a crash has its effect once.
CREATE UNIQUE INDEX "deployment_of_run" ON "deployment" ("run_id", "run_position") WHERE "run_id" IS NOT NULL;
CREATE UNIQUE INDEX "dataset_snapshot_of_run" ON "dataset_snapshot" ("dataset_id", "run_id", "run_position") WHERE "run_id" IS NOT NULL;

-- An artifact names its datasets, an owner slugs the others.
CREATE UNIQUE INDEX "dataset_name" ON "dataset" ("artifact_id", "name") WHERE "artifact_id" IS NOT NULL;
CREATE UNIQUE INDEX "dataset_slug" ON "dataset" ("owner_id", "slug") WHERE "artifact_id" IS NULL;

-- Who uses a stack; runs of a stack by itself belong to one hidden job.
CREATE INDEX "job_stack" ON "job" ("stack_id") WHERE "stack_id" IS NOT NULL;
CREATE UNIQUE INDEX "job_of_stack" ON "job" ("stack_id") WHERE "hidden" AND "deleted_at" IS NULL;

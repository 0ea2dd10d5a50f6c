-- CreateEnum
CREATE TYPE "team_role" AS ENUM ('MEMBER', 'ADMIN');

-- CreateEnum
CREATE TYPE "end_of_life" AS ENUM ('KEEP', 'DISABLE');

-- CreateEnum
CREATE TYPE "snapshot_moment" AS ENUM ('BEFORE', 'AFTER');

-- AlterTable
ALTER TABLE "schedule" ADD COLUMN     "text" TEXT;

-- AlterTable
ALTER TABLE "job" ADD COLUMN     "data" JSONB,
ADD COLUMN     "draft_of_id" UUID,
ADD COLUMN     "end_of_life" "end_of_life" NOT NULL DEFAULT 'KEEP',
ADD COLUMN     "held_at" TIMESTAMPTZ(3),
ADD COLUMN     "slug" TEXT,
ADD COLUMN     "source" TEXT,
ADD COLUMN     "source_id" TEXT,
ADD COLUMN     "type" TEXT,
ALTER COLUMN "timeout_seconds" DROP NOT NULL;

-- CreateTable
CREATE TABLE "membership" (
    "team_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "role" "team_role" NOT NULL DEFAULT 'MEMBER',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "membership_pkey" PRIMARY KEY ("team_id","user_id")
);

-- CreateTable
CREATE TABLE "job_dataset" (
    "job_id" UUID NOT NULL,
    "alias" TEXT NOT NULL,
    "dataset_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "snapshot_when" "snapshot_moment",
    "snapshot_datasets" UUID[],

    CONSTRAINT "job_dataset_pkey" PRIMARY KEY ("job_id","alias")
);

-- CreateTable
CREATE TABLE "share" (
    "job_id" UUID NOT NULL,
    "principal_id" UUID NOT NULL,
    "level" SMALLINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "share_pkey" PRIMARY KEY ("job_id","principal_id")
);

-- CreateTable
CREATE TABLE "favorite" (
    "principal_id" UUID NOT NULL,
    "job_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "favorite_pkey" PRIMARY KEY ("principal_id","job_id")
);

-- CreateTable
CREATE TABLE "tag" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "tag_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "job_tag" (
    "job_id" UUID NOT NULL,
    "tag_id" UUID NOT NULL,

    CONSTRAINT "job_tag_pkey" PRIMARY KEY ("job_id","tag_id")
);

-- CreateIndex
CREATE INDEX "membership_user_id_idx" ON "membership"("user_id");

-- CreateIndex
CREATE INDEX "job_dataset_dataset_id_idx" ON "job_dataset"("dataset_id");

-- CreateIndex
CREATE INDEX "share_principal_id_idx" ON "share"("principal_id");

-- CreateIndex
CREATE INDEX "favorite_job_id_idx" ON "favorite"("job_id");

-- CreateIndex
CREATE UNIQUE INDEX "tag_name_key" ON "tag"("name");

-- CreateIndex
CREATE INDEX "job_tag_tag_id_idx" ON "job_tag"("tag_id");

-- AddForeignKey
ALTER TABLE "membership" ADD CONSTRAINT "membership_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "principal"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "membership" ADD CONSTRAINT "membership_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "principal"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job" ADD CONSTRAINT "job_draft_of_id_fkey" FOREIGN KEY ("draft_of_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job_dataset" ADD CONSTRAINT "job_dataset_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job_dataset" ADD CONSTRAINT "job_dataset_dataset_id_fkey" FOREIGN KEY ("dataset_id") REFERENCES "dataset"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "share" ADD CONSTRAINT "share_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "share" ADD CONSTRAINT "share_principal_id_fkey" FOREIGN KEY ("principal_id") REFERENCES "principal"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "favorite" ADD CONSTRAINT "favorite_principal_id_fkey" FOREIGN KEY ("principal_id") REFERENCES "principal"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "favorite" ADD CONSTRAINT "favorite_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job_tag" ADD CONSTRAINT "job_tag_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "job_tag" ADD CONSTRAINT "job_tag_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tag"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- By hand: partial indexes.
CREATE UNIQUE INDEX "job_slug" ON "job" ("owner_id", "slug") WHERE "slug" IS NOT NULL AND "deleted_at" IS NULL AND "draft_of_id" IS NULL;
CREATE UNIQUE INDEX "job_draft" ON "job" ("draft_of_id", "owner_id") WHERE "draft_of_id" IS NOT NULL AND "deleted_at" IS NULL;
CREATE INDEX "job_ending" ON "job" ("id") WHERE "end_of_life" = 'DISABLE' AND "enabled" AND "next_run_at" IS NULL AND "deleted_at" IS NULL;

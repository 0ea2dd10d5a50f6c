-- CreateEnum
CREATE TYPE "collaborator_role" AS ENUM ('VIEWER', 'EDITOR');

-- AlterTable
ALTER TABLE "artifact" ADD COLUMN     "agent" JSONB;

-- AlterTable
ALTER TABLE "artifact_version" ADD COLUMN     "mobile_digest" TEXT,
ADD COLUMN     "pwa" JSONB;

-- AlterTable
ALTER TABLE "job" ADD COLUMN     "retry_slots_only" BOOLEAN NOT NULL DEFAULT false;

-- CreateTable
CREATE TABLE "blob_variant" (
    "owner_id" UUID NOT NULL,
    "digest" TEXT NOT NULL,
    "encoding" TEXT NOT NULL,
    "content" BYTEA,

    CONSTRAINT "blob_variant_pkey" PRIMARY KEY ("owner_id","digest","encoding")
);

-- CreateTable
CREATE TABLE "pending_upload" (
    "owner_id" UUID NOT NULL,
    "digest" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "pending_upload_pkey" PRIMARY KEY ("owner_id","digest")
);

-- CreateTable
CREATE TABLE "collaborator" (
    "artifact_id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "role" "collaborator_role" NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "collaborator_pkey" PRIMARY KEY ("artifact_id","email")
);

-- CreateTable
CREATE TABLE "comment" (
    "id" UUID NOT NULL,
    "artifact_id" UUID NOT NULL,
    "author_id" UUID NOT NULL,
    "text" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "comment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "json_document" (
    "artifact_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "value" JSONB NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "json_document_pkey" PRIMARY KEY ("artifact_id","key")
);

-- CreateTable
CREATE TABLE "artifact_visit" (
    "artifact_id" UUID NOT NULL,
    "visitor" BYTEA NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "artifact_visit_pkey" PRIMARY KEY ("artifact_id","visitor")
);

-- CreateTable
CREATE TABLE "idempotency_record" (
    "principal_id" UUID NOT NULL,
    "route" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "request_hash" BYTEA NOT NULL,
    "answer" JSONB,
    "lease_until" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_record_pkey" PRIMARY KEY ("principal_id","route","key")
);

-- CreateIndex
CREATE INDEX "pending_upload_expires_at_idx" ON "pending_upload"("expires_at");

-- CreateIndex
CREATE INDEX "collaborator_email_idx" ON "collaborator"("email");

-- CreateIndex
CREATE INDEX "comment_artifact_id_id_idx" ON "comment"("artifact_id", "id");

-- CreateIndex
CREATE INDEX "artifact_visit_at_idx" ON "artifact_visit"("at");

-- CreateIndex
CREATE INDEX "idempotency_record_created_at_idx" ON "idempotency_record"("created_at");

-- CreateIndex
CREATE INDEX "version_file_digest_idx" ON "version_file"("digest");

-- AddForeignKey
ALTER TABLE "blob_variant" ADD CONSTRAINT "blob_variant_owner_id_digest_fkey" FOREIGN KEY ("owner_id", "digest") REFERENCES "blob"("owner_id", "digest") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "pending_upload" ADD CONSTRAINT "pending_upload_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "principal"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "collaborator" ADD CONSTRAINT "collaborator_artifact_id_fkey" FOREIGN KEY ("artifact_id") REFERENCES "artifact"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "comment" ADD CONSTRAINT "comment_artifact_id_fkey" FOREIGN KEY ("artifact_id") REFERENCES "artifact"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "comment" ADD CONSTRAINT "comment_author_id_fkey" FOREIGN KEY ("author_id") REFERENCES "principal"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "json_document" ADD CONSTRAINT "json_document_artifact_id_fkey" FOREIGN KEY ("artifact_id") REFERENCES "artifact"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "artifact_visit" ADD CONSTRAINT "artifact_visit_artifact_id_fkey" FOREIGN KEY ("artifact_id") REFERENCES "artifact"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "idempotency_record" ADD CONSTRAINT "idempotency_record_principal_id_fkey" FOREIGN KEY ("principal_id") REFERENCES "principal"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Kept as it is, not compressed, so that a range of a large file is read without the rest of it.
ALTER TABLE "blob" ALTER COLUMN "content" SET STORAGE EXTERNAL;
ALTER TABLE "blob_variant" ALTER COLUMN "content" SET STORAGE EXTERNAL;

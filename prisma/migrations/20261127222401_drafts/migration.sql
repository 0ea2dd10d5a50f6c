-- AlterTable
ALTER TABLE "job" ADD COLUMN     "draft_name" TEXT;

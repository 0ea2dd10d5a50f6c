-- AlterTable
ALTER TABLE "job" ADD COLUMN     "timezone" TEXT;

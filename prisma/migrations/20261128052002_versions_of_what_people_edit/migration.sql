-- AlterTable
ALTER TABLE "artifact" ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;

-- AlterTable
ALTER TABLE "schedule" ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;

-- AlterTable
ALTER TABLE "dataset" ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;

/** Teams and who is in them. What a team owns is its members', but for deleting, which is for its ADMINs. */
import { isUniqueViolation } from '../db/errors.ts'
import type { Membership, Principal, Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { sqlIn } from '../db/sql.ts'
import { ConflictError, ForbiddenError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { validate } from '../kernel/validate.ts'
import { requireAdmin, requireScope } from './permissions.ts'
import { principalNamed } from './principals.ts'
import { type CreateTeamInput, createTeamSpec, type TeamMemberInput, teamMemberSpec } from './spec.ts'
import type { TeamRole, Viewer } from './viewer.ts'

/** Of a larger team the first. */
const MEMBERS_SHOWN = 1_000

type Member = Pick<Membership, 'teamId' | 'userId'>

export function createTeams({ prisma }: { prisma: PrismaClient }) {
  async function requireTeam(handle: string): Promise<Principal> {
    const team = await principalNamed(prisma, handle)
    if (team?.kind !== 'TEAM') throw new NotFoundError(`there is no team ${handle}`)
    return team
  }

  async function requireUser(handle: string, path: string): Promise<Principal> {
    const user = await prisma.principal.findFirst({ where: { handle, kind: 'USER' } })
    if (!user) throw ValidationError.at(path, `there is no user ${handle}`)
    return user
  }

  /** A team whose members the viewer may change: they are an ADMIN of it, or an administrator. */
  async function requireLed(viewer: Viewer, handle: string): Promise<Principal> {
    const leader = requireScope(viewer, 'jobs:write')
    const team = await requireTeam(handle)
    if (leader.isAdmin || leader.teams.get(team.id) === 'ADMIN') return team
    throw new ForbiddenError('only the admins of a team say who is in it')
  }

  /** Somebody must stay who says who is in the team; administrators may leave it without. Two who go at once wait for each other. */
  async function requireAnother(
    tx: Prisma.TransactionClient,
    viewer: Viewer,
    { teamId, userId }: Member,
  ): Promise<void> {
    await sqlIn(tx)('select 1 from principal where id = $1::uuid for no key update', [teamId])
    if (viewer?.isAdmin) return
    const admins = await tx.membership.findMany({ where: { teamId, role: 'ADMIN' } })
    const isLast = admins.length === 1 && admins[0]?.userId === userId
    if (isLast) throw new ConflictError('they are the last admin of the team: make another one first', 'LAST_ADMIN')
  }

  return {
    /** For administrators: a team, and its first ADMINs. Its handle begins with `team:`, whether given so or not. */
    async createTeam(viewer: Viewer, input: CreateTeamInput): Promise<Principal> {
      requireAdmin(viewer)
      const { handle, name, admins } = validate(createTeamSpec, input)
      const users = await Promise.all(
        [...new Set(admins ?? [])].map((admin, index) => requireUser(admin, `admins.${index}`)),
      )
      const members = { create: users.map(({ id: userId }) => ({ userId, role: 'ADMIN' as const })) }
      return prisma.principal
        .create({ data: { id: newId(), kind: 'TEAM', handle: `team:${handle}`, name: name ?? null, members } })
        .catch((error) => {
          throw isUniqueViolation(error) ? new ConflictError(`the handle ${handle} is taken`, 'HANDLE_TAKEN') : error
        })
    },

    /** Puts a user into a team, or changes their role in it. ConflictError LAST_ADMIN. */
    async setTeamMember(viewer: Viewer, input: TeamMemberInput & { role?: TeamRole | null | undefined }) {
      const { team: teamHandle, member } = validate(teamMemberSpec, input)
      const team = await requireLed(viewer, teamHandle)
      const user = await requireUser(member, 'member')
      const role = input.role ?? 'MEMBER'
      const key = { teamId: team.id, userId: user.id }
      await prisma.$transaction(async (tx) => {
        if (role !== 'ADMIN') await requireAnother(tx, viewer, key)
        await tx.membership.upsert({ where: { teamId_userId: key }, create: { ...key, role }, update: { role } })
      })
      return team
    },

    /** Takes a user out of a team; one who is not in it is no error. Everybody may leave. */
    async removeTeamMember(viewer: Viewer, input: TeamMemberInput): Promise<Principal> {
      const { team: teamHandle, member } = validate(teamMemberSpec, input)
      const leaving = requireScope(viewer, 'jobs:write').handle === member
      const team = leaving ? await requireTeam(teamHandle) : await requireLed(viewer, teamHandle)
      const user = await requireUser(member, 'member')
      const key = { teamId: team.id, userId: user.id }
      await prisma.$transaction(async (tx) => {
        await requireAnother(tx, viewer, key)
        await tx.membership.deleteMany({ where: key })
      })
      return team
    },

    /** Whoever is in a team, in the order in which they came, the first of them: for its members and administrators, else nobody. */
    async membersOf(viewer: Viewer, teamId: string): Promise<(Membership & { user: Principal })[]> {
      if (!viewer?.isAdmin && !viewer?.teams.has(teamId)) return []
      return prisma.membership.findMany({
        ...{ where: { teamId }, include: { user: true } },
        ...{ orderBy: { createdAt: 'asc' }, take: MEMBERS_SHOWN },
      })
    },
  }
}

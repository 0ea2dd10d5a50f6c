/** Teams and who is in them. What a team owns is its members', but for deleting, which is for its ADMINs. */
import { isUniqueViolation } from '../db/errors.ts'
import type { Membership, Principal, PrismaClient } from '../db/generated/prisma/client.ts'
import { ConflictError, ForbiddenError, NotFoundError, ValidationError } from '../kernel/errors.ts'
import { newId } from '../kernel/ids.ts'
import { validate } from '../kernel/validate.ts'
import { requireAdmin, requireScope } from './permissions.ts'
import { principalNamed } from './principals.ts'
import { type CreateTeamInput, createTeamSpec, type TeamMemberInput, teamMemberSpec } from './spec.ts'
import type { TeamRole, Viewer } from './viewer.ts'

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

    /** Puts a user into a team, or changes their role in it. */
    async setTeamMember(viewer: Viewer, input: TeamMemberInput & { role?: TeamRole | null | undefined }) {
      const { team: teamHandle, member } = validate(teamMemberSpec, input)
      const team = await requireLed(viewer, teamHandle)
      const user = await requireUser(member, 'member')
      const role = input.role ?? 'MEMBER'
      const key = { teamId: team.id, userId: user.id }
      await prisma.membership.upsert({ where: { teamId_userId: key }, create: { ...key, role }, update: { role } })
      return team
    },

    /** Takes a user out of a team; one who is not in it is no error. Everybody may leave. */
    async removeTeamMember(viewer: Viewer, input: TeamMemberInput): Promise<Principal> {
      const { team: teamHandle, member } = validate(teamMemberSpec, input)
      const leaving = requireScope(viewer, 'jobs:write').handle === member
      const team = leaving ? await requireTeam(teamHandle) : await requireLed(viewer, teamHandle)
      const user = await requireUser(member, 'member')
      await prisma.membership.deleteMany({ where: { teamId: team.id, userId: user.id } })
      return team
    },

    /** Whoever is in a team, in the order in which they came: for its members and administrators, else nobody. */
    async membersOf(viewer: Viewer, teamId: string): Promise<(Membership & { user: Principal })[]> {
      if (!viewer?.isAdmin && !viewer?.teams.has(teamId)) return []
      return prisma.membership.findMany({ where: { teamId }, include: { user: true }, orderBy: { createdAt: 'asc' } })
    },
  }
}

import { ArtifactType } from '../artifacts/schema.ts'
import { addNode, builder } from '../graphql/builder.ts'
import { listComplexity } from '../graphql/list-args.ts'
import { PrincipalType } from '../identity/schema.ts'
import { expectId } from '../kernel/ids.ts'
import type { LoadedComment } from './comment-service.ts'

const CommentType = builder.objectRef<LoadedComment>('Comment').implement({
  description: 'What somebody says of an artifact.',
  fields: (t) => ({
    author: t.expose('author', { type: PrincipalType, description: 'Who says it; for those who are signed in.' }),
    text: t.exposeString('text', { description: 'Plain text, as it was given.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was said.' }),
  }),
})

addNode(CommentType, (ids, { viewer, collaboration }) => collaboration.commentsByIds(viewer, ids))

builder.objectField(ArtifactType, 'comments', (t) =>
  t.connection(
    {
      type: CommentType,
      description: 'What is said of it, the newest first.',
      complexity: listComplexity,
      resolve: ({ id }, args, { viewer, collaboration }) => collaboration.comments(viewer, id, args),
    },
    { description: 'A page of comments.' },
    { description: 'A comment in a page.' },
  ),
)

const AddCommentInput = builder.inputType('AddCommentInput', {
  description: 'What to say, and of what.',
  fields: (t) => ({
    artifactId: t.id({ required: true, description: 'An artifact that you may read.' }),
    text: t.string({ required: true, description: 'At most 10,000 characters.' }),
  }),
})

const DeleteCommentInput = builder.inputType('DeleteCommentInput', {
  description: 'Which comment to delete.',
  fields: (t) => ({ commentId: t.id({ required: true, description: '`cmt_…`' }) }),
})

builder.mutationFields((t) => ({
  addComment: t.field({
    type: CommentType,
    errors: {},
    description: 'Says something of an artifact. The event `comment.added` starts the jobs that wait for it.',
    args: { input: t.arg({ type: AddCommentInput, required: true, description: 'What.' }) },
    resolve: (_root, { input }, { viewer, collaboration }) =>
      collaboration.addComment(viewer, { ...input, artifactId: expectId('Artifact', input.artifactId) }),
  }),
  deleteComment: t.field({
    type: CommentType,
    errors: {},
    description: 'Deletes a comment of your own, or one on an artifact of yours. Answers what it was.',
    args: { input: t.arg({ type: DeleteCommentInput, required: true, description: 'Which.' }) },
    resolve: (_root, { input }, { viewer, collaboration }) =>
      collaboration.deleteComment(viewer, expectId('Comment', input.commentId)),
  }),
}))

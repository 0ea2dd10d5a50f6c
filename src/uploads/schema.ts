import { builder } from '../graphql/builder.ts'
import { listComplexity } from '../graphql/list-args.ts'

const PreparedUploadType = builder.objectRef<{ missing: string[]; uploadUrl: string }>('PreparedUpload').implement({
  description: 'What has to be uploaded, and where.',
  fields: (t) => ({
    missing: t.exposeStringList('missing', {
      description:
        'Digests whose content is not there yet, at most 20,000; all others can be published as they are, for 24 hours.',
      complexity: listComplexity({ first: 1 }),
    }),
    uploadUrl: t.exposeString('uploadUrl', {
      description: 'Send each to this address and its digest: `PUT`, with your token, and the bytes as they are.',
    }),
  }),
})

const UploadFileInput = builder.inputType('UploadFileInput', {
  description: 'A file that is going to be published.',
  fields: (t) => ({
    path: t.string({ required: true, description: 'Relative, with /, without . and ..: `css/main.css`.' }),
    digest: t.string({ required: true, description: 'SHA-256 of its content, in lower-case hex.' }),
    sizeBytes: t.int({ required: true, description: 'Bytes of its content; at most 100 MiB.' }),
  }),
})

const PrepareUploadInput = builder.inputType('PrepareUploadInput', {
  description: 'The files of a version that is going to be published.',
  fields: (t) => ({
    files: t.field({
      type: [UploadFileInput],
      required: true,
      description: '1 to 20,000, at most 500 MiB together.',
    }),
  }),
})

builder.mutationField('prepareUpload', (t) =>
  t.field({
    type: PreparedUploadType,
    errors: {},
    description: 'Before a publish of many or large files: tells which of them have to be sent at all.',
    args: { input: t.arg({ type: PrepareUploadInput, required: true, description: 'Which files.' }) },
    resolve: (_root, { input }, { viewer, uploads }) => uploads.prepare(viewer, input),
  }),
)

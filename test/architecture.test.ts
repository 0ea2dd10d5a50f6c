import path from 'node:path'
import { expect, it } from 'vitest'
import { broken, importsBelow, RULES } from './support/architecture.ts'

it('keeps the layers: nothing in src imports what its place does not allow', () => {
  const edges = importsBelow(path.join(import.meta.dirname, '../src'))
  expect(edges.length).toBeGreaterThan(100)
  expect(broken(edges).map(({ text }) => text)).toEqual([])
})

it('catches a break of every rule, as a tree that breaks them all shows', () => {
  const caught = broken(importsBelow(path.join(import.meta.dirname, 'fixtures/architecture/src')))
  expect(new Set(caught.map(({ rule }) => rule))).toEqual(new Set(RULES.map(({ name }) => name)))
})

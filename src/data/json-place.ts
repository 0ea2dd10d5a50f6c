/** Follows the tokens of a JSON document to the array that keys lead to: `data.items`. */
import { type ParsedTokenInfo, TokenType } from '@streamparser/json'

export function createPlace(keys: readonly string[]) {
  /** Arrays and objects that are open. */
  let depth = 0
  /** Of those, how many lie on the way, from the document inwards. */
  let onTheWay = 0
  let text = ''
  /** Whether the value that begins now is the next one on the way. */
  let isNext = true
  let wasFound = false

  return {
    wasFound: () => wasFound,
    /** Whether the array, or something in it, is open. */
    isInside: () => onTheWay > keys.length,

    pass({ token, value }: Pick<ParsedTokenInfo, 'token' | 'value'>): void {
      switch (token) {
        case TokenType.STRING:
          text = String(value)
          return
        case TokenType.COLON:
          isNext = depth > 0 && depth === onTheWay && text === keys[depth - 1]
          return
        case TokenType.LEFT_BRACE:
        case TokenType.LEFT_BRACKET: {
          const isTarget = depth === keys.length
          if (isNext && isTarget === (token === TokenType.LEFT_BRACKET)) {
            onTheWay++
            wasFound ||= isTarget
          }
          depth++
          isNext = false
          return
        }
        case TokenType.RIGHT_BRACE:
        case TokenType.RIGHT_BRACKET:
          depth--
          onTheWay = Math.min(onTheWay, depth)
          return
        default:
          isNext = false
      }
    },
  }
}

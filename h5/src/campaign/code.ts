/** The page's QR code, for desk screens only: loaded apart, so that no phone pays for it. */
import { encode } from 'uqr'

/** Side length in squares, and the dark squares as one path. */
export function code(text: string): { size: number; path: string } {
  const { data } = encode(text, { ecc: 'M', border: 2 })
  return {
    size: data.length,
    path: data.map((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : '')).join('')).join(''),
  }
}

/** Whether this person asked her phone for less motion. */
export function calm(): boolean {
  return !!window.matchMedia && window.matchMedia('(prefers-reduced-motion: reduce)').matches
}

/** Whether this person asked her phone for less motion, or the page mourns. */
export function calm(): boolean {
  return !!document.querySelector('.mourning') || !!window.matchMedia && window.matchMedia('(prefers-reduced-motion: reduce)').matches
}

/** What waits for whoever is signed in. */
export { readWaiting, type Waiting } from '../desk/calls'
import type { Waiting } from '../desk/calls'

/** Where it is decided. */
export const wayTo = ({ slug, kind }: Waiting) => `/campaigns/${slug}/${kind === 'correction' ? 'corrections' : 'review'}`

/** Addresses: what is shared, what is signed, what a class or school link says. */

/** What WeChat and our sign-in add to an address. None of it belongs into a shared card. */
const ADDED = ['from', 'isappinstalled', 'code', 'state', 'guest']

/** The address to share: without what was added on the way, and without a fragment. */
export function shareLink(href: string): string {
  const [path, query = ''] = href.split('#')[0]!.split('?')
  const kept = query.split('&').filter((pair) => pair && ADDED.indexOf(pair.split('=')[0]!) < 0)
  return kept.length ? `${path}?${kept.join('&')}` : path!
}

/** The address that the JS-SDK signature covers: as the visit began (iOS), whole but for the fragment. */
export function signedAddress(href: string): string {
  return href.split('#')[0]!
}

function parameter(query: string, name: string): string {
  const found = query.replace(/^\?/, '').split('&').filter((pair) => pair.split('=')[0] === name)[0]
  if (!found) return ''
  try {
    return decodeURIComponent(found.slice(name.length + 1))
  } catch (_) {
    return '' // half an escape: somebody cut the link
  }
}

/** The unit of a class or school link `?u=`, with the region where the link names it (`&r=`). */
export function linkedUnit(query: string): { unit: string; region: string } {
  return { unit: parameter(query, 'u').slice(0, 64), region: parameter(query, 'r').slice(0, 32) }
}

/** Why a sign-in came back with nobody: snapshot, miniprogram, unavailable or failed; empty where none did. */
export function guest(query: string): string {
  return parameter(query, 'guest')
}

/** The channel through which she came, `?ch=`, for the visit figures. */
export function channel(query: string): string {
  return parameter(query, 'ch').slice(0, 32)
}

/** The region that a unit lies in, by the link or by the unit's code, which begins with its region's code. */
export function regionOfUnit(unit: string, linked: string, regions: { code: string }[]): string {
  const named = regions.filter((region) => region.code === linked)[0]
  const begins = regions.filter((region) => unit.indexOf(region.code) === 0).sort((a, b) => b.code.length - a.code.length)[0]
  const region = named || begins
  return region ? region.code : ''
}

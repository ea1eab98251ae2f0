/**
 * Every call of a page. What only a person can mend is asked over the page, which stays as it is, at the same address with everything that
 * was typed; then the same call is made again: signing in, the password once more before a dangerous act, what must be set first.
 */
import { reactive } from 'vue'
import { call, callFile, Refused, whoIsHere, type Staff } from '../session'

export const door = reactive({
  staff: null as Staff | null,
  /** The sign-in stands over the page. */
  isAsking: false,
  /** The password is asked for once more. */
  isConfirming: false,
})

let waiting: (() => void)[] = []
let unfinished: (() => void)[] = []
let unconfirmed: ((isGiven: boolean) => void)[] = []

/** By code, what brings a refused call through; false: the person would not. */
const MENDS: Record<string, () => Promise<boolean>> = {
  STAFF_SESSION_MISSING: async () => (await signInAgain(), true),
  CSRF_REFUSED: async () => (entered(await whoIsHere()), true), // signed in anew in another tab
  PASSWORD_CHANGE_NEEDED: setFirst,
  SECOND_FACTOR_NEEDED: setFirst,
  REAUTHENTICATION_NEEDED: confirmed,
}

/** Each kind of refusal is mended once; the same again is for the page to show. */
async function mended<T>(make: () => Promise<T>): Promise<T> {
  const done = new Set<string>()
  for (;;) {
    try {
      return await make()
    } catch (error) {
      const mend = error instanceof Refused && !done.has(error.code) ? MENDS[error.code] : undefined
      if (!mend) throw error
      done.add((error as Refused).code)
      if (!(await mend())) throw error
    }
  }
}

export const ask = <T>(method: string, path: string, body?: unknown) => mended(() => call<T>(method, path, body))
export const getFile = (path: string) => mended(() => callFile(path))
export const get = <T>(path: string) => ask<T>('GET', path)
export const post = <T>(path: string, body?: unknown) => ask<T>('POST', path, body)
export const put = <T>(path: string, body?: unknown) => ask<T>('PUT', path, body)
export const remove = <T = null>(path: string) => ask<T>('DELETE', path)

/** Resolves when somebody has signed in. */
export function signInAgain(): Promise<void> {
  door.isAsking = true
  return new Promise((resolve) => waiting.push(resolve))
}

/** Resolves when nothing has to be set any more. */
async function setFirst(): Promise<boolean> {
  const finished = new Promise<void>((resolve) => unfinished.push(resolve))
  entered(await whoIsHere())
  await finished
  return true
}

/** Whether the password was given. */
function confirmed(): Promise<boolean> {
  door.isConfirming = true
  return new Promise((resolve) => unconfirmed.push(resolve))
}

/** The password was given, or the person would rather not. */
export function confirm(isGiven: boolean): void {
  door.isConfirming = false
  const those = unconfirmed
  unconfirmed = []
  for (const go of those) go(isGiven)
}

export const mustSet = () => (door.staff?.needs ?? []).length > 0

/** Somebody signed in. Another person than before gets a page of her own: what is on the screen was for the other. */
export function entered(staff: Staff | null): void {
  if (door.staff && staff && (staff.name !== door.staff.name || staff.role !== door.staff.role)) return location.reload()
  door.staff = staff
  door.isAsking = false
  const those = mustSet() ? waiting : [...waiting, ...unfinished]
  waiting = []
  if (!mustSet()) unfinished = []
  for (const go of those) go()
}

export function left(): void {
  door.staff = null
  door.isAsking = door.isConfirming = false
  waiting = unfinished = unconfirmed = []
}

/** Admins may do everything; otherwise one of the roles, or anybody where none is named. */
export function may(...roles: string[]): boolean {
  const role = door.staff?.role
  return role === 'admin' || roles.length === 0 || (role !== undefined && roles.includes(role))
}

/** A script of the page that is brought when it is needed; the page's HTML names its address. The development server names none. */
export function part<T>(name: string, developing: (() => Promise<T>) | undefined): Promise<T> {
  const link = document.getElementById('main-script')
  const address = link && link.getAttribute(`data-${name}`)
  if (address) return import(/* @vite-ignore */ address) as Promise<T>
  return developing ? developing() : Promise.reject(new Error(`${name} not named`))
}

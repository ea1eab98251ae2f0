/** What the simulated phone says of menu entries that only a real one can do. Pure. */
const ACTIONS: Record<string, string> = {
  location_select: '发送位置', pic_sysphoto: '拍照发图', pic_photo_or_album: '拍照或从相册发图', pic_weixin: '从微信相册发图',
  media_id: '直接发送素材', view_limited: '直接打开图文', article_id: '直接发送图文', article_view_limited: '直接打开图文',
}

export function onlyOnARealPhone(type: string | undefined): string {
  const action = ACTIONS[type ?? '']
  return action ? `模拟手机不能“${action}”，真实手机可以` : '模拟手机不认识这种菜单，请用真实手机试一试'
}

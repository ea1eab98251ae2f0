/*
 * The simulated JS-SDK of the sandbox: the calls of WeChat's jweixin that the product uses, for simulated phones only.
 * Owns: `wx` and `WeixinJSBridge` on a page that is open in the sandbox's phone.
 * wx.config is checked for real: the sandbox compares the signature with its live tickets and with this page's address.
 * Each simulated citizen has a phone of her own, so what a page keeps in localStorage is changed with the citizen.
 * Written for old webviews: no arrow functions, no promises that are needed.
 */
(function () {
  'use strict';
  var script = document.currentScript;
  var allLinks = script && script.getAttribute('data-links') === 'all';
  var origin = script ? script.src.split('/').slice(0, 3).join('/') : '';
  var framed = window.parent !== window;
  var holder = '__HOLDER__';
  var state = 'new'; // new, checking, ready, failed
  var share = true;
  var readies = [];
  var errors = [];
  var failure = null;

  // Puts away what the last citizen's phone held, brings back this one's, and loads the page anew if that changed anything.
  function changePhone() {
    var store = window.localStorage;
    var last = store.getItem('sandbox.holder');
    if (!holder || last === holder) return;
    store.setItem('sandbox.holder', holder);
    if (last === null) return;
    var held = {};
    Object.keys(store).forEach(function (key) {
      if (key.indexOf('wenming.') === 0) { held[key] = store.getItem(key); store.removeItem(key); }
    });
    store.setItem('sandbox.phone.' + last, JSON.stringify(held));
    var own = JSON.parse(store.getItem('sandbox.phone.' + holder) || '{}');
    Object.keys(own).forEach(function (key) { store.setItem(key, own[key]); });
    if (Object.keys(held).length || Object.keys(own).length) location.reload();
  }
  try { changePhone(); } catch (error) { if (window.console) console.warn('[模拟微信] 本机存储不可用', error); }

  function tell(type, data) {
    if (framed && origin) window.parent.postMessage({ sandbox: true, type: type, data: data }, origin);
  }

  function ask(path, body, done) {
    var request = new XMLHttpRequest();
    request.open('POST', origin + path);
    request.withCredentials = true;
    request.timeout = 8000;
    request.onload = function () {
      var answer = null;
      try { answer = JSON.parse(request.responseText); } catch (error) { answer = null; }
      done(request.status === 200 ? answer : null);
    };
    request.onerror = request.ontimeout = function () { done(null); };
    // A plain text body needs no preflight.
    request.setRequestHeader('Content-Type', 'text/plain');
    request.send(JSON.stringify(body));
  }

  function finish(options, name, ok, reason) {
    var result = { errMsg: name + (ok ? ':ok' : ':fail, ' + reason) };
    var call = ok ? options.success : options.fail;
    if (typeof call === 'function') call(result);
    if (typeof options.complete === 'function') options.complete(result);
  }

  function needReady(options, name) {
    if (state === 'ready') return true;
    setTimeout(function () { finish(options, name, false, 'the permission value is offline verifying'); }, 0);
    return false;
  }

  function page() { return location.href.split('#')[0]; }

  function fail(message) {
    state = 'failed';
    failure = { errMsg: message };
    if (window.console) console.warn('[模拟微信] ' + message);
    errors.slice().forEach(function (call) { call(failure); });
    tell('config', { ok: false, errMsg: message });
  }

  function setCard(target, name, options) {
    if (!needReady(options, name)) return;
    if (!share) { finish(options, name, false, 'the permission value is offline verifying'); return; }
    var host = document.createElement('a');
    host.href = options.link || page();
    if (host.hostname !== location.hostname) { finish(options, name, false, 'invalid link domain'); return; }
    var card = { title: options.title || '', desc: target === 'friend' ? options.desc || '' : '', link: host.href, imgUrl: options.imgUrl || '' };
    tell('share', { target: target, card: card });
    ask('/sandbox/jssdk/share', { target: target, card: card, page: page() }, function () { finish(options, name, true); });
  }

  var wx = {
    config: function (options) {
      state = 'checking';
      failure = null;
      var missing = ['appId', 'timestamp', 'nonceStr', 'signature'].filter(function (name) { return !options[name]; });
      if (missing.length) { setTimeout(function () { fail('config:fail, ' + missing[0] + ' is missing'); }, 0); return; }
      ask('/sandbox/jssdk/verify', {
        appId: options.appId, timestamp: String(options.timestamp), nonceStr: options.nonceStr, signature: options.signature, url: page()
      }, function (answer) {
        if (!answer) return fail('config:fail, the sandbox did not answer');
        if (!answer.ok) return fail(answer.errMsg);
        state = 'ready';
        share = answer.share;
        tell('config', { ok: true, errMsg: answer.errMsg });
        readies.splice(0).forEach(function (call) { call(); });
      });
    },
    ready: function (call) { if (state === 'ready') setTimeout(call, 0); else readies.push(call); },
    error: function (call) { errors.push(call); if (failure) call(failure); },
    checkJsApi: function (options) {
      var result = { errMsg: 'checkJsApi:ok', checkResult: {} };
      (options.jsApiList || []).forEach(function (name) { result.checkResult[name] = typeof wx[name] === 'function'; });
      if (options.success) options.success(result);
    },
    updateAppMessageShareData: function (options) { setCard('friend', 'updateAppMessageShareData', options); },
    updateTimelineShareData: function (options) { setCard('timeline', 'updateTimelineShareData', options); },
    previewImage: function (options) {
      if (!needReady(options, 'previewImage')) return;
      var current = options.current || (options.urls || [])[0];
      tell('preview', { current: current });
      // The picture itself follows, so that the phone can keep it or read its code.
      if (framed) fetchImage(current, function (image) { tell('preview', { current: current, image: image }); });
      finish(options, 'previewImage', framed, 'no phone around this page');
    },
    closeWindow: function (options) { tell('close', {}); finish(options || {}, 'closeWindow', true); },
    hideMenuItems: function (options) { finish(options || {}, 'hideMenuItems', true); },
    showMenuItems: function (options) { finish(options || {}, 'showMenuItems', true); },
    hideOptionMenu: function (options) { finish(options || {}, 'hideOptionMenu', true); },
    showOptionMenu: function (options) { finish(options || {}, 'showOptionMenu', true); },
    miniProgram: { getEnv: function (call) { call({ miniprogram: false }); } }
  };
  window.wx = window.jWeixin = wx;

  if (!window.WeixinJSBridge) {
    window.WeixinJSBridge = {
      invoke: function (name, options, call) { if (name === 'closeWindow') tell('close', {}); if (call) call({ err_msg: name + ':ok' }); },
      call: function (name) { if (name === 'closeWindow') tell('close', {}); },
      on: function () {}
    };
    document.dispatchEvent(new Event('WeixinJSBridgeReady'));
  }

  // The title bar of the in-app browser.
  function titled() { tell('page', { title: document.title, url: location.href }); }
  titled();
  window.addEventListener('load', titled);
  window.addEventListener('hashchange', titled);
  var title = document.querySelector('title');
  if (title && window.MutationObserver) new MutationObserver(titled).observe(title, { childList: true });

  // Links into a mini-program open it; an article hands over all of its links, since the phone opens each as a page of its own.
  var MINI = /^(https:\/\/wxaurl\.cn\/|weixin:\/\/dl\/business\/)/;
  document.addEventListener('click', function (event) {
    var link = event.target;
    while (link && link.tagName !== 'A') link = link.parentNode;
    if (!framed || !link || !MINI.test(link.href) && !(allLinks && /^https?:/.test(link.getAttribute('href')))) return;
    event.preventDefault();
    tell('open', { url: link.href });
  });

  // A long press on an image: the picture goes to the phone, which offers to keep it or to read its code.
  function fetchImage(address, done) {
    var request = new XMLHttpRequest();
    request.open('GET', address);
    request.responseType = 'blob';
    request.onload = function () { if (request.status === 200) done(request.response); };
    request.send();
  }
  function pressed(image) {
    fetchImage(image.currentSrc || image.src, function (blob) { tell('longpress', { image: blob }); });
  }
  var timer = 0;
  function imageOf(event) { return event.target && event.target.tagName === 'IMG' ? event.target : null; }
  function cancel() { clearTimeout(timer); timer = 0; }
  if (framed) {
    document.addEventListener('touchstart', function (event) {
      var image = imageOf(event);
      cancel();
      if (image && event.touches.length === 1) timer = setTimeout(function () { timer = 0; pressed(image); }, 600);
    }, { passive: true });
    ['touchend', 'touchmove', 'touchcancel'].forEach(function (name) { document.addEventListener(name, cancel, { passive: true }); });
    document.addEventListener('contextmenu', function (event) {
      var image = imageOf(event);
      if (!image) return;
      event.preventDefault();
      if (timer || !('ontouchstart' in window)) { cancel(); pressed(image); }
    });
  }
})();

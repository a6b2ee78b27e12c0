package callback

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"parley/interaction"
)

// show shows a customer his callback.
func (a *Adapter) show(w http.ResponseWriter, r *http.Request) {
	c, ok := a.call(w, r)
	if !ok {
		return
	}
	a.showCall(w, r, http.StatusOK, c, view{Values: Request{CallWhen: interaction.CallWhen{Mode: c.Mode, Zone: c.Zone}}})
}

// call finds the callback that the link is about; a wrong link counts against its address.
func (a *Adapter) call(w http.ResponseWriter, r *http.Request) (interaction.Call, bool) {
	c, err := a.desk.CallbackByToken(r.Context(), r.PathValue("token"))
	if err != nil && interaction.KindOf(err) == interaction.KindUnknown {
		if slow := a.hurry(r); slow != nil {
			err = slow
		}
	}
	if err != nil {
		a.fail(w, r, nil, err)
	}
	return c, err == nil
}

func (a *Adapter) showCall(w http.ResponseWriter, r *http.Request, status int, c interaction.Call, v view) {
	v.State, v.Call, v.Language = "call", c, languageOf(r, c.Language)
	var origins []string
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		zone = time.UTC
	}
	place, err := a.desk.CallbackPlace(r.Context(), c.EntryPoint)
	if err != nil && interaction.KindOf(err) != interaction.KindUnknown {
		a.fail(w, r, nil, err)
		return
	}
	if err == nil { // it is still open
		v.House, origins = place.Name, place.Settings.Origins
		if c.State == interaction.CallbackWaiting && c.TaskState != interaction.TaskHeld && c.TaskState != interaction.TaskOffered {
			v.CanMove = true
			if err := a.offer(r, &place, &v); err != nil {
				a.fail(w, r, &place, err)
				return
			}
			v.AskZone = false
			zone = zoneOf(v.Values.Zone, &place)
		}
	}
	v.Zone = zone.String()
	v.Due = dayTitle(c.Due.In(zone), v.Language) + ", " + clockTitle(c.Due, zone)
	a.write(w, status, origins, v)
}

// change moves or cancels a callback, or shows the times of another day.
func (a *Adapter) change(w http.ResponseWriter, r *http.Request) {
	if err := a.hurry(r); err != nil {
		a.fail(w, r, nil, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		a.fail(w, r, nil, interaction.Invalid("bad_form", "", "this is no form, or too large a one"))
		return
	}
	c, ok := a.call(w, r)
	if !ok {
		return
	}
	v := view{Values: Request{CallWhen: whenOf(r)}, Moving: r.PostForm.Get("do") != "cancel"}
	if r.PostForm.Has("day") {
		v.Values.Mode = interaction.CallSlot
		a.showCall(w, r, http.StatusOK, c, v)
		return
	}
	version, _ := strconv.ParseInt(r.PostForm.Get("version"), 10, 64) // none: whatever it is now
	var err error
	var changed interaction.Call
	switch r.PostForm.Get("do") {
	case "cancel":
		changed, err = a.desk.CancelCallback(r.Context(), interaction.Actor{}, c.ID, version)
	case "move":
		changed, err = a.desk.MoveCallback(r.Context(), interaction.Actor{}, c.ID, v.Values.CallWhen, version)
	default:
		err = interaction.Invalid("bad_form", "do", "say what to do: move or cancel")
	}
	if err == nil {
		a.opts.Log.Info("callback changed", "interaction", c.ID, "do", r.PostForm.Get("do"), "state", changed.State)
		http.Redirect(w, r, r.URL.Path, http.StatusSeeOther) // loaded again, it does nothing again
		return
	}
	e, status := a.failure(err)
	if !slices.Contains([]int{http.StatusUnprocessableEntity, http.StatusConflict}, status) {
		a.fail(w, r, nil, err)
		return
	}
	v.Wrong, v.Next = e, a.nextOf(e, zoneNamed(c.Zone), languageOf(r, c.Language))
	if now, err := a.desk.CallbackByToken(r.Context(), r.PathValue("token")); err == nil { // as it stands now
		c = now
	}
	a.showCall(w, r, status, c, v)
}

func zoneNamed(name string) *time.Location {
	if zone, err := time.LoadLocation(name); err == nil {
		return zone
	}
	return time.UTC
}

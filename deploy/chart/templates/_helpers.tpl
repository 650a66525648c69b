{{/* The platforms, as the overlays beside the chart have them. The runtime's name is what
counts on OpenShift; of the version only that Multus, which loads the list by itself, would
not read drop-ins. */}}
{{- define "conntrack-flush.platforms" -}}
default:
  bin: /opt/cni/bin
  conf: /etc/cni/net.d
k3s:
  bin: /var/lib/rancher/k3s/data/cni
  conf: /var/lib/rancher/k3s/agent/etc/cni/net.d
gke:
  bin: /home/kubernetes/bin
  conf: /etc/cni/net.d
openshift:
  bin: /var/lib/cni/bin
  conf: /etc/cni/multus/net.d
  runtime: cri-o://1.0.0
  seLinuxOptions:
    type: spc_t
microk8s:
  bin: /var/snap/microk8s/current/opt/cni/bin
  conf: /var/snap/microk8s/current/args/cni-network
{{- end }}

{{/* The labels of every object. */}}
{{- define "conntrack-flush.labels" -}}
app.kubernetes.io/name: conntrack-flush
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "conntrack-flush.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* What the agent's container and those that uninstall have in common. */}}
{{- define "conntrack-flush.container" -}}
{{- $platform := get (include "conntrack-flush.platforms" . | fromYaml) .Values.platform -}}
image: {{ include "conntrack-flush.image" . }}
{{- with .Values.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
env:
  # As the node's status has it, containerd://2.1.0.
  - name: CONTAINER_RUNTIME_VERSION
    value: {{ .Values.runtimeVersion | default $platform.runtime | default "" | quote }}
  {{- if ne .Values.metrics.listen "loopback" }}
  - name: HOST_IP
    valueFrom:
      fieldRef:
        fieldPath: status.hostIP
  {{- end }}
# `kubectl describe` then shows the last words of a container that has failed.
terminationMessagePolicy: FallbackToLogsOnError
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  runAsUser: 0
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
    # To read and change conntrack; to write where root is not the owner.
    add: [NET_ADMIN, DAC_OVERRIDE]
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "conntrack-flush.mounts" -}}
- name: cni-bin
  mountPath: /opt/cni/bin
- name: cni-conf
  mountPath: /etc/cni/net.d
- name: cni-run
  mountPath: /run/cni
# Which pods there are: those older than the plugin too.
- name: cni-cache
  mountPath: /var/lib/cni
  readOnly: true
# Which pods still exist: runtimes name a namespace by either path.
- name: netns
  mountPath: /run/netns
  readOnly: true
- name: netns
  mountPath: /var/run/netns
  readOnly: true
{{- end }}

{{/* A page of the agent, for a probe. */}}
{{- define "conntrack-flush.page" -}}
{{- if eq .listen "loopback" }}
host: 127.0.0.1
{{- end }}
path: {{ .path }}
port: metrics
{{- end }}

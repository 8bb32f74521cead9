{{- define "dragoman.name" -}}
{{- if contains "dragoman" .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-dragoman" .Release.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "dragoman.selector" -}}
app.kubernetes.io/name: dragoman
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "dragoman.labels" -}}
{{ include "dragoman.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* The configuration file: the settings, and for each secret the path of its file. */}}
{{- define "dragoman.config" -}}
{{- $settings := deepCopy .Values.settings }}
{{- range $setting, $key := .Values.secret.keys }}
{{- $_ := set $settings (printf "%s_file" $setting) (printf "/run/secrets/dragoman/%s" $key) }}
{{- end }}
{{- toYaml $settings }}
{{- end }}
